//! The methods of the objects: get, list, add, update, delete.

use super::kinds::{self, KINDS, KindRule, Style};
use super::list::Query;
use super::show::{Select, universal, upper};
use crate::call::Reply;
use crate::error::{Answered, RestError};
use crate::life::Author;
use crate::php::{Php, PhpArray};
use crate::portal::{Caller, Portal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    List,
    Add,
    Update,
    Delete,
}

/// What a call is about.
struct Target {
    rule: &'static KindRule,
    action: Action,
    /// The kind, with its number if it is a dynamic type.
    kind: String,
    /// Whether `crm.item.*` is used for a kind that has methods of its own: names are in camelCase then.
    universal: bool,
}

impl Portal {
    pub(crate) fn object_method(
        &mut self,
        method: &str,
        params: &Php,
        caller: &Caller,
    ) -> Answered<Reply> {
        let (rule, action) = resolve(method).ok_or_else(RestError::unknown_method)?;
        if !self.settings.scopes.iter().any(|scope| scope == rule.scope) {
            return Err(RestError::new(
                403,
                "insufficient_scope",
                "The request requires higher privileges than provided by the access token",
            ));
        }
        let universal = rule.kind == "crm.item";
        let kind = if universal { entity_kind(params)? } else { rule.kind.to_owned() };
        let universal = universal && !kind.contains(':');
        let rule = kinds::rule(&kind).ok_or_else(RestError::unknown_method)?;
        let target = Target { rule, action, kind, universal };
        match action {
            Action::Get => self.object_get(&target, params),
            Action::List => self.object_list(&target, params),
            Action::Add => self.object_add(&target, params, caller),
            Action::Update => self.object_update(&target, params, caller),
            Action::Delete => self.object_delete(&target, params, caller),
        }
    }

    fn object_get(&self, target: &Target, params: &Php) -> Answered<Reply> {
        let id = target.id(params)?;
        let object = self.store.find(&target.kind, &id).filter(|object| {
            let task = params.get_any_case("TASKID").or_else(|| params.get("0"));
            target.rule.kind != "task.commentitem"
                || task.map(Php::int) == object.fields.get("TASK_ID").map(Php::int)
        });
        match (object, target.rule.kind) {
            (Some(object), "log.blogpost") => Ok(Php::list([target.whole(&object.fields)]).into()),
            (Some(object), _) => Ok(target.wrap(target.whole(&object.fields)).into()),
            (None, "log.blogpost") => Ok(Php::empty().into()),
            (None, "calendar.event") => Ok(Php::Bool(false).into()),
            (None, _) => Err(target.missing(&id)),
        }
    }

    fn object_list(&self, target: &Target, params: &Php) -> Answered<Reply> {
        for name in ["filter", "order"] {
            let given = params.get_any_case(name);
            let sorted_by_text = target.rule.kind == "user" && name == "order";
            if given.is_some_and(|value| value.as_array().is_none()) && !sorted_by_text {
                return Err(RestError::nameless(format!("Parameter '{name}' must be array.")));
            }
        }
        let filter = bare_filter(target, params).or_else(|| target.named(params, "filter"));
        let order = target.named(params, "order");
        let query = Query::parse(filter.as_ref(), order.as_ref(), params.get_any_case("start"));
        let page = query.page(self.store.shelf(&target.kind), target.rule);
        let select = Select::parse(params.get_any_case("select"));
        let objects = page.objects.iter().map(|object| match target.rule.kind {
            "user" | "sonet_group" => target.whole(&object.fields),
            _ if target.universal => universal(&object.fields, Some(&select)),
            _ => target.rule.selected(&object.fields, &select),
        });
        let rows = page.objects.len();
        let list = Php::list(objects);
        let result = match target.wrapper() {
            Some(name) => Php::map([(format!("{name}s").as_str(), list)]),
            None => list,
        };
        Ok(Reply { total: page.total, next: page.next, ..Reply::rows(result, rows) })
    }

    fn object_add(&mut self, target: &Target, params: &Php, caller: &Caller) -> Answered<Reply> {
        let mut fields = target.fields(params)?;
        if target.rule.kind != "crm.currency" {
            fields.remove(target.rule.id_field);
        }
        if target.rule.kind == "task.commentitem"
            && let Some(task) = params.get_any_case("TASKID").or_else(|| params.get("0"))
        {
            fields.set("TASK_ID", task.clone());
        }
        let author = Author::of(caller);
        let id = self.make(&target.kind, &fields.into(), &author, &caller.user);
        let id = id.ok_or_else(|| RestError::core("The object could not be made"))?;
        if target.wrapper().is_some() {
            return self.object_shown(target, &id);
        }
        let number =
            Php::from(id.as_str()).number().map(|_| Php::Int(Php::from(id.as_str()).int()));
        Ok(number.unwrap_or(Php::Text(id)).into())
    }

    fn object_update(&mut self, target: &Target, params: &Php, caller: &Caller) -> Answered<Reply> {
        let id = target.id(params)?;
        let fields = target.fields(params)?;
        if self.store.find(&target.kind, &id).is_none() {
            return Err(target.missing(&id));
        }
        let author = Author::of(caller);
        self.alter(&target.kind, &id, &fields.into(), &author, &caller.user);
        if target.wrapper().is_some() {
            return self.object_shown(target, &id);
        }
        Ok(Php::Bool(true).into())
    }

    fn object_shown(&self, target: &Target, id: &str) -> Answered<Reply> {
        let object = self.store.find(&target.kind, id).ok_or_else(|| target.missing(id))?;
        Ok(target.wrap(target.whole(&object.fields)).into())
    }

    fn object_delete(&mut self, target: &Target, params: &Php, caller: &Caller) -> Answered<Reply> {
        let id = target.id(params)?;
        let author = Author::of(caller);
        self.drop_object(&target.kind, &id, &author, &caller.user)
            .ok_or_else(|| target.missing(&id))?;
        Ok(match target.rule.kind {
            "tasks.task" => Php::map([("task", true)]),
            "crm.item" => Php::empty(),
            _ if target.universal => Php::empty(),
            _ => Php::Bool(true),
        }
        .into())
    }
}

fn resolve(method: &str) -> Option<(&'static KindRule, Action)> {
    let (stem, verb) = method.rsplit_once('.')?;
    let rule = KINDS.iter().find(|rule| rule.kind == stem)?;
    let action = match (verb, rule.kind) {
        ("get", "user" | "sonet_group") | ("list", _) => Action::List,
        ("getbyid", "calendar.event") => Action::Get,
        ("get", "calendar.event") => return None,
        ("get", _) => Action::Get,
        ("create", "sonet_group") => Action::Add,
        ("add", _) => Action::Add,
        ("update", _) => Action::Update,
        ("delete", _) => Action::Delete,
        _ => return None,
    };
    Some((rule, action))
}

/// `user.get {ID: 1}`: the filter without its name.
fn bare_filter(target: &Target, params: &Php) -> Option<Php> {
    if target.rule.kind != "user" || params.get_any_case("filter").is_some() {
        return None;
    }
    let id = params.get_any_case("ID")?;
    Some(Php::map([("ID", id.clone())]))
}

/// The kind behind an entityTypeId. Dynamic types are numbered from 128 on, invoices are 31.
fn entity_kind(params: &Php) -> Answered<String> {
    let given = params.get("entityTypeId").ok_or_else(|| needed("entityTypeId"))?;
    Ok(match given.int() {
        1 => "crm.lead".to_owned(),
        2 => "crm.deal".to_owned(),
        3 => "crm.contact".to_owned(),
        4 => "crm.company".to_owned(),
        7 => "crm.quote".to_owned(),
        number if number >= 128 || number == 31 => format!("crm.item:{number}"),
        _ => return Err(RestError::new(400, "NOT_FOUND", "SPA not found")),
    })
}

fn needed(name: &str) -> RestError {
    RestError::new(400, "100", format!("Could not find value for parameter {{{name}}}"))
}

impl Target {
    /// The object's name around it in answers.
    fn wrapper(&self) -> Option<&'static str> {
        match self.rule.kind {
            "crm.item" => Some("item"),
            _ if self.universal => Some("item"),
            "tasks.task" => Some("task"),
            "sale.order" => Some("order"),
            "booking.v1.booking" => Some("booking"),
            _ => None,
        }
    }

    fn whole(&self, fields: &PhpArray) -> Php {
        if self.universal { universal(fields, None) } else { self.rule.whole(fields) }
    }

    /// A filter or an order with the kind's own field names.
    fn named(&self, params: &Php, name: &str) -> Option<Php> {
        let given = params.get_any_case(name)?;
        match given.as_array() {
            Some(array) if self.universal => Some(upper(array).into()),
            _ => Some(given.clone()),
        }
    }

    fn wrap(&self, object: Php) -> Php {
        match self.wrapper() {
            Some(name) => Php::map([(name, object)]),
            None => object,
        }
    }

    /// The id that a call names; an array reads as 1 (F32).
    fn id(&self, params: &Php) -> Answered<String> {
        let given = match self.rule.kind {
            "tasks.task" => params.get("taskId"),
            "task.commentitem" => params.get_any_case("ITEMID").or_else(|| params.get("1")),
            "log.blogpost" => params.get_any_case("POST_ID"),
            "sonet_group" => params.get_any_case("GROUP_ID"),
            _ if self.universal || self.rule.style == Style::Camel => params.get("id"),
            _ => params.get_any_case("id"),
        };
        let text = match given {
            Some(Php::Array(array)) if !array.is_empty() => "1".to_owned(),
            Some(value) => value.text(),
            None => String::new(),
        };
        let valid = !text.is_empty()
            && (self.rule.kind == "crm.currency" || Php::from(text.as_str()).int() > 0);
        if valid { Ok(text) } else { Err(self.invalid_id()) }
    }

    fn invalid_id(&self) -> RestError {
        match self.rule.kind {
            "tasks.task" => needed("taskId"),
            "crm.item" | "sale.order" | "booking.v1.booking" => needed("id"),
            _ if self.universal => needed("id"),
            "task.commentitem" => RestError::core(
                "TASKS_ERROR_EXCEPTION_#256; Param #1 (itemId) expected by method \
                 ctaskcommentitem::get(), but not given.; 256/TE/WRONG_ARGUMENTS<br>",
            ),
            "calendar.event" => RestError::nameless(
                "The required parameter \"id\" for the method \"calendar.event.getbyid\" is not set",
            ),
            _ => RestError::nameless("ID is not defined or invalid."),
        }
    }

    /// The error for an object that does not exist; code and text differ by method (F33).
    fn missing(&self, id: &str) -> RestError {
        match self.rule.kind {
            "crm.requisite" => {
                RestError::nameless(format!("The Requisite with ID '{id}' is not found"))
            }
            "crm.requisite.bankdetail" => {
                RestError::nameless(format!("The RequisiteBankDetail with ID '{id}' is not found"))
            }
            "crm.timeline.comment" => RestError::nameless("Not found."),
            "crm.item" => RestError::new(400, "NOT_FOUND", "Element not found"),
            _ if self.universal => RestError::new(400, "NOT_FOUND", "Element not found"),
            "tasks.task" => RestError::new(400, "1048584", "Task not found or not accessible"),
            "task.commentitem" => RestError::core(
                "TASKS_ERROR_EXCEPTION_#512; Check listitem not found or not accessible; \
                 512/TE/ITEM_NOT_FOUND_OR_NOT_ACCESSIBLE.<br>",
            ),
            "sale.order" => RestError::new(400, 201_240_400_001_i64, "order does not exist"),
            "booking.v1.booking" => RestError::new(400, 1_021_i64, "Booking not found"),
            _ => RestError::nameless("Not found"),
        }
    }

    /// The fields that a call writes: under `fields`, or beside the id in the methods that have no such parameter.
    fn fields(&self, params: &Php) -> Answered<PhpArray> {
        let flat =
            matches!(self.rule.kind, "user" | "sonet_group" | "calendar.event" | "log.blogpost");
        if flat {
            let mut fields = params.as_array().cloned().unwrap_or_default();
            let other =
                ["auth", "access_token", "auth_connector", "id", "ID", "GROUP_ID", "POST_ID"];
            other.iter().for_each(|name| drop(fields.remove(name)));
            return Ok(fields);
        }
        let positional = if self.action == Action::Add { "1" } else { "2" };
        let given = match self.rule.kind {
            "task.commentitem" => params.get_any_case("FIELDS").or_else(|| params.get(positional)),
            _ => params.get_any_case("fields"),
        };
        let fields = given.and_then(Php::as_array).cloned();
        let fields = fields.map(|fields| if self.universal { upper(&fields) } else { fields });
        fields.ok_or_else(|| match self.rule.style {
            Style::Upper if !self.universal => {
                RestError::nameless("Parameter 'fields' must be array.")
            }
            Style::Upper => needed("fields"),
            Style::Camel | Style::Task => needed("fields"),
        })
    }
}
