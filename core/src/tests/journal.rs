//! What an entry of the journal keeps of a record.

use crate::id::{ProcessId, RecordId};
use crate::journal::{Decoded, ObjectEntry, ObjectState, decode, object_entry};
use crate::record::{EventData, Key, Record, Records};

use super::deletion::record;

#[test]
fn a_record_of_its_own_has_its_data_where_nobody_else_will_have_it() {
    let record = |process: Option<&str>, data| Record {
        process: process.map(|id| ProcessId::new(id).unwrap()),
        kept: false,
        data,
        ..record(7, false)
    };
    let key = Key::Record { kind: "ONX".into(), record: RecordId(7) };
    let read = |state, record: Record| {
        let records = Records::from_iter([(record.id, record)]);
        let entry = object_entry(&key, &ObjectEntry::new(&key, state, 1, &records));
        let Some(Decoded::Object(object)) = decode(&entry) else { panic!("{entry:?}") };
        object.open().unwrap().1.into_values().next().unwrap().data
    };
    let known = || EventData::Known(Some("[1]".into()));
    let reserved = || record(Some("p"), known());
    assert_eq!(read(ObjectState::Retrying, reserved()), EventData::ToBeListed);
    assert_eq!(read(ObjectState::Parked, reserved()), known());
    assert_eq!(read(ObjectState::Retrying, record(None, known())), known());
    let empty = || EventData::Known(None);
    assert_eq!(read(ObjectState::Parked, record(Some("p"), empty())), empty());
}
