//! Methods of the portal itself: `feature.get`, `profile`, `app.info`, `server.time`, `scope`,
//! `events`.

use crate::call::Reply;
use crate::error::{Answered, RestError};
use crate::object::kinds;
use crate::php::Php;
use crate::portal::{Caller, Portal};
use crate::settings::Feature;

impl Feature {
    fn value(self) -> Php {
        match self {
            Feature::On => Php::from("Y"),
            Feature::Off => Php::from("N"),
            Feature::OnAsBoolean => Php::Bool(true),
            Feature::OffAsBoolean => Php::Bool(false),
            Feature::SelfHosted => Php::from("en_selfhosted"),
        }
    }
}

impl Portal {
    pub(crate) fn system_method(
        &mut self,
        method: &str,
        params: &Php,
        caller: &Caller,
    ) -> Option<Answered<Reply>> {
        let result = match method {
            "feature.get" => return Some(self.feature(params).map(Reply::from)),
            "profile" | "user.current" => self.profile(&caller.user, method == "profile"),
            "user.admin" => Php::Bool(self.is_administrator(&caller.user)),
            "server.time" => Php::from(self.date()),
            "events" => Php::list(kinds::event_names()),
            "scope" => Php::list(self.settings.scopes.iter().map(String::as_str)),
            "app.info" => Php::map([
                ("ID", Php::Int(1)),
                ("CODE", Php::from(self.oauth.application.client_id.as_str())),
                ("VERSION", Php::Int(1)),
                ("STATUS", Php::from("L")),
                ("INSTALLED", Php::Bool(true)),
                ("SCOPE", Php::list(self.settings.scopes.iter().map(String::as_str))),
            ]),
            _ => return None,
        };
        Some(Ok(result.into()))
    }

    fn feature(&self, params: &Php) -> Answered<Php> {
        let code = params.get_any_case("CODE").map(Php::text).unwrap_or_default();
        let value = match code.as_str() {
            "" => return Err(RestError::new(400, "CODE_EMPTY", "CODE can't be empty")),
            "rest_offline_extended" => self.settings.plan.offline_extended.value(),
            "rest_auth_connector" => self.settings.plan.auth_connector.value(),
            _ => Php::from("N"),
        };
        Ok(Php::map([("value", value)]))
    }

    fn profile(&self, user: &str, short: bool) -> Php {
        let fields = self.store.find("user", user).map(|object| object.fields.clone());
        let Some(fields) = fields else { return Php::empty() };
        if !short {
            return fields.into();
        }
        let text = |name: &str| fields.get(name).cloned().unwrap_or_default();
        Php::map([
            ("ID", text("ID")),
            ("ADMIN", Php::Bool(self.is_administrator(user))),
            ("NAME", text("NAME")),
            ("LAST_NAME", text("LAST_NAME")),
            ("PERSONAL_GENDER", Php::from("")),
            ("TIME_ZONE", Php::from("")),
        ])
    }
}
