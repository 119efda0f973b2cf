//! What is said once and referred to: names in URLs, headers, problems, and the ways to show a key.

use axum::http::Method;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, Header, Object, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response, Type,
};
use utoipa::{Modify, PartialSchema};

use super::{parameters, problems};
use crate::wire::schema::CommitHashSchema;

/// The ways to show a key, by their names among the components.
const KEYS: [&str; 2] = ["key", "basic"];

/// Gathers what operations share among the components.
pub(super) struct Shared;

impl Modify for Shared {
    fn modify(&self, api: &mut OpenApi) {
        let mut components = api.components.take().unwrap_or_default();
        components.responses.extend(problems::components());
        for parameter in parameters::in_urls() {
            keep(&mut components, parameter);
        }
        security(&mut components);
        for (path, item) in &mut api.paths.paths {
            for (method, operation) in operations(item) {
                share_headers(operation, &mut components);
                add_names(operation, path);
                if is_on_branch(operation) {
                    add_commit(operation);
                }
                share_answered_headers(operation, &mut components);
                if let Some(RefOr::T(body)) = &mut operation.request_body {
                    body.required = Some(Required::True);
                }
                if path.ends_with("/auth") {
                    let method = method.as_str().to_ascii_lowercase();
                    operation.operation_id = Some(format!("may_{method}"));
                }
            }
            if path.ends_with("/module/{name}") {
                item.head = item.get.clone().map(without_body);
            }
        }
        api.components = Some(components);
    }
}

/// A string of a form.
pub(super) fn string(pattern: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .build()
}

/// What a request has to show: one of the ways, or nothing if the server has no keys.
pub(super) fn requirements(is_keyed: bool) -> Vec<SecurityRequirement> {
    let none = (!is_keyed).then(SecurityRequirement::default);
    let keys = KEYS.map(|name| SecurityRequirement::new(name, [""; 0]));
    none.into_iter().chain(keys).collect()
}

fn security(components: &mut Components) {
    let header = ApiKeyValue::with_description("Wasmstore-Auth", "The key");
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("The key as password, with any user name"));
    let schemes = [
        SecurityScheme::ApiKey(ApiKey::Header(header)),
        SecurityScheme::Http(basic.build()),
    ];
    for (name, scheme) in KEYS.into_iter().zip(schemes) {
        components.add_security_scheme(name, scheme);
    }
}

/// The operations of a path with their methods.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let operations = [
        (Method::GET, &mut item.get),
        (Method::HEAD, &mut item.head),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::DELETE, &mut item.delete),
    ];
    let all = operations.into_iter();
    all.filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Moves an operation's headers to the components.
fn share_headers(operation: &mut Operation, components: &mut Components) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(header) = parameter
            && header.parameter_in == ParameterIn::Header
        {
            *parameter = RefOr::Ref(keep(components, header.clone()));
        }
    }
}

/// Puts a parameter among the components.
fn keep(components: &mut Components, parameter: Parameter) -> Ref {
    let name = parameter.name.clone();
    let reference = reference(&name);
    components.parameters.insert(name, parameter.into());
    reference
}

fn reference(parameter: &str) -> Ref {
    Ref::new(format!("#/components/parameters/{parameter}"))
}

/// Declares the names in the URL.
fn add_names(operation: &mut Operation, path: &str) {
    let names = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let names = names.map(|name| RefOr::Ref(reference(name)));
    let parameters = operation.parameters.get_or_insert_default();
    parameters.splice(0..0, names.collect::<Vec<_>>());
    if parameters.is_empty() {
        operation.parameters = None;
    }
}

/// Whether it works on a branch.
fn is_on_branch(operation: &Operation) -> bool {
    let branch = RefOr::Ref(reference("Wasmstore-Branch"));
    operation
        .parameters
        .iter()
        .flatten()
        .any(|one| *one == branch)
}

/// Declares the header that tells the commit.
fn add_commit(operation: &mut Operation) {
    let schema = CommitHashSchema::schema();
    let commit = Header::builder()
        .schema(Some(schema))
        .description(Some("The commit that was read from, or made"))
        .build();
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['2', '3'])
        {
            let name = "Wasmstore-Commit".to_owned();
            response.headers.insert(name, commit.clone().into());
        }
    }
}

/// Moves the headers of an operation's answers to the components.
fn share_answered_headers(operation: &mut Operation, components: &mut Components) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(Response { headers, .. }) = response else {
            continue;
        };
        for (name, header) in headers {
            let reference = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
            let header = std::mem::replace(header, reference);
            components.headers.insert(name.clone(), header);
        }
    }
}

/// The same operation by HEAD.
fn without_body(mut get: Operation) -> Operation {
    get.operation_id = Some("head_module".to_owned());
    get.summary = Some("Tells about a module what getting it would, without the bytes".to_owned());
    get.responses.responses.remove("206");
    for response in get.responses.responses.values_mut() {
        if let RefOr::T(Response { content, .. }) = response {
            content.clear();
        }
    }
    get
}
