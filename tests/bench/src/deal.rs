//! A deal of about 2 KB, with the fields that a portal's deals have.

use serde_json::{Map, Value, json};

/// So long is its JSON in an answer, in bytes, within a few for its id.
pub const BYTES: usize = 2_048;

/// What the portal adds: id, version, two dates.
const ADDED: usize = 120;

const FIELDS: &str = "\
TYPE_ID=SALE STAGE_ID=C4:PREPAYMENT_INVOICE PROBABILITY=40 CURRENCY_ID=EUR OPPORTUNITY=48250.00 \
IS_MANUAL_OPPORTUNITY=N TAX_VALUE=7703.78 LEAD_ID=10412 COMPANY_ID=2817 CONTACT_ID=33904 QUOTE_ID=0 \
BEGINDATE=2026-11-02T03:00:00+03:00 CLOSEDATE=2026-12-15T03:00:00+03:00 ASSIGNED_BY_ID=117 CREATED_BY_ID=52 \
MODIFY_BY_ID=117 OPENED=Y CLOSED=N LOCATION_ID=0 CATEGORY_ID=4 STAGE_SEMANTIC_ID=P IS_NEW=N IS_RECURRING=N \
IS_RETURN_CUSTOMER=Y IS_REPEATED_APPROACH=N SOURCE_ID=WEBFORM ORIGINATOR_ID=erp ORIGIN_ID=SO-2026-018842 \
MOVED_BY_ID=117 MOVED_TIME=2026-11-20T14:02:11+03:00 LAST_ACTIVITY_BY=117 \
LAST_ACTIVITY_TIME=2026-11-21T09:45:30+03:00 UTM_SOURCE=newsletter UTM_MEDIUM=email UTM_CAMPAIGN=autumn-2026 \
UF_CRM_DELIVERY=courier UF_CRM_WAREHOUSE=north-2 UF_CRM_WEIGHT=182.5 UF_CRM_INCOTERMS=DAP \
UF_CRM_PRIORITY=high UF_CRM_ERP_NUMBER=4500018842 UF_CRM_CONTRACT=2026/114-B UF_CRM_PAYMENT_DAYS=30";

/// Its fields, as they are written.
#[must_use]
pub fn fields() -> Value {
    let mut fields = Map::new();
    fields.insert("TITLE".to_owned(), json!("Pumps and fittings, second delivery"));
    for pair in FIELDS.split_whitespace() {
        if let Some((name, value)) = pair.split_once('=') {
            fields.insert(name.to_owned(), json!(value));
        }
    }
    fields.insert("UF_CRM_TAGS".to_owned(), json!(["resale", "north", "pumps", "spare parts"]));
    let text =
        "The customer asks for delivery in two lots, the first one by the end of the month. ";
    let rest = BYTES - ADDED - Value::Object(fields.clone()).to_string().len();
    let comments: String = text.chars().cycle().take(rest).collect();
    fields.insert("COMMENTS".to_owned(), json!(comments));
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use b24_offline_emulator::{Portal, Settings};

    use super::*;

    #[test]
    fn the_portal_shows_it_with_two_kilobytes() {
        let mut portal = Portal::new(Settings::default(), 1_795_400_000_000);
        let id = portal.create("crm.deal", fields(), 1_795_400_000_000).unwrap();
        let shown = serde_json::to_string(&portal.object("crm.deal", &id).unwrap()).unwrap();
        assert!(shown.len().abs_diff(BYTES) <= 16, "{} bytes", shown.len());
    }
}
