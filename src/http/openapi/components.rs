//! The components of the OpenAPI document, to which many operations refer: names in URLs, headers, error responses, and the ways to send an
//! API key.

use axum::http::Method;
use utoipa::PartialSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, Header, OpenApi, Ref, RefOr, Required, Response};

use super::{parameters, problems};
use crate::wire::schema::CommitHashSchema;

/// The names of the security schemes, one for each way to send an API key.
const KEYS: [&str; 3] = ["key", "basic", "bearer"];

/// Moves the definitions that several operations share to the components. Also adds to each operation parameters for the names in its URL.
/// Operations that use a branch also get the response headers of [`add_state_headers`].
pub(super) fn move_to_components(api: &mut OpenApi) {
    let mut components = api.components.take().unwrap_or_default();
    components.responses.extend(problems::components());
    for parameter in parameters::in_urls() {
        add_parameter(&mut components, parameter);
    }
    add_security_schemes(&mut components);
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            share_request_headers(operation, &mut components);
            add_url_parameters(operation, path);
            if is_on_branch(operation) {
                add_state_headers(operation);
            }
            share_response_headers(operation, &mut components);
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                body.required = Some(Required::True);
            }
            if path.ends_with("/auth") {
                let method = method.as_str().to_ascii_lowercase();
                operation.operation_id = Some(format!("may_{method}"));
            }
        }
    }
    api.components = Some(components);
}

/// Returns the security requirements. A request must meet one of them: it must contain an API key in one of the three ways or, if the
/// server has no keys, no key.
pub(super) fn security_requirements(is_keyed: bool) -> Vec<SecurityRequirement> {
    let none = (!is_keyed).then(SecurityRequirement::default);
    let keys = KEYS.map(|name| SecurityRequirement::new(name, [""; 0]));
    none.into_iter().chain(keys).collect()
}

fn add_security_schemes(components: &mut Components) {
    let header = ApiKeyValue::with_description("Wasmstore-Auth", "The key");
    let basic = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("The key as password, with any user name"));
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The key as token"));
    let schemes = [
        SecurityScheme::ApiKey(ApiKey::Header(header)),
        SecurityScheme::Http(basic.build()),
        SecurityScheme::Http(bearer.build()),
    ];
    for (name, scheme) in KEYS.into_iter().zip(schemes) {
        components.add_security_scheme(name, scheme);
    }
}

/// Returns the operations of a path, each with its method.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let operations = [
        (Method::GET, &mut item.get),
        (Method::HEAD, &mut item.head),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    operations
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Moves the request headers of an operation to the components.
fn share_request_headers(operation: &mut Operation, components: &mut Components) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(header) = parameter
            && header.parameter_in == ParameterIn::Header
        {
            *parameter = RefOr::Ref(add_parameter(components, header.clone()));
        }
    }
}

/// Adds a parameter to the components and returns a reference to it.
fn add_parameter(components: &mut Components, parameter: Parameter) -> Ref {
    let name = parameter.name.clone();
    let reference = reference(&name);
    components.parameters.insert(name, parameter.into());
    reference
}

fn reference(parameter: &str) -> Ref {
    Ref::new(format!("#/components/parameters/{parameter}"))
}

/// Adds a parameter for each name in the URL of an operation.
fn add_url_parameters(operation: &mut Operation, path: &str) {
    let names = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let references: Vec<_> = names.map(|name| RefOr::Ref(reference(name))).collect();
    let parameters = operation.parameters.get_or_insert_default();
    parameters.splice(0..0, references);
    if parameters.is_empty() {
        operation.parameters = None;
    }
}

/// Returns whether an operation reads or writes a branch.
fn is_on_branch(operation: &Operation) -> bool {
    let branch = RefOr::Ref(reference("Wasmstore-Branch"));
    operation
        .parameters
        .iter()
        .flatten()
        .any(|one| *one == branch)
}

/// Adds the response headers `Wasmstore-Commit`, `Wasmstore-Branch`, `Wasmstore-Changed` and `Wasmstore-Generation`.
fn add_state_headers(operation: &mut Operation) {
    let header = |schema, description: &str| {
        Header::builder()
            .schema(Some(schema))
            .description(Some(description))
            .build()
    };
    let commit = header(
        CommitHashSchema::schema(),
        "The commit that was read or made",
    );
    let branch = header(String::schema(), "The branch that a write is made to");
    let changed = header(bool::schema(), "Whether a write moved the branch");
    let generation = header(
        u64::schema(),
        "The generation of the store that the response is based on. Sent only by servers that share their store with others in a bucket",
    );
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['2', '3'])
        {
            let headers = &mut response.headers;
            headers.insert("Wasmstore-Commit".to_owned(), commit.clone().into());
            headers.insert("Wasmstore-Branch".to_owned(), branch.clone().into());
            headers.insert("Wasmstore-Changed".to_owned(), changed.clone().into());
            headers.insert("Wasmstore-Generation".to_owned(), generation.clone().into());
        }
    }
}

/// Moves the response headers of an operation to the components.
fn share_response_headers(operation: &mut Operation, components: &mut Components) {
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
