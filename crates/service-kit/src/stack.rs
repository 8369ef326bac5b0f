//! What a server offers: the services of its caller, health and reflection, and the layers
//! through which every call passes.

use std::convert::Infallible;

use hyper::{Request, Response};
use tonic::{body::Body, codegen::Service, server::NamedService, service::Routes};
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::Builder as Reflection;
use tower::{Layer, util::MapResponse};

use crate::{DeadlineLayer, DeadlineService, StartError, message_limit};

/// The tonic services of a server with the descriptors that explain them.
#[derive(Clone, Debug, Default)]
pub struct Services {
    routes: Routes,
    names: Vec<&'static str>,
    descriptors: Vec<&'static [u8]>,
}

impl Services {
    /// No services yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generated server, which health then reports by its name.
    ///
    /// Message limits are set on the generated server by the caller.
    #[must_use]
    pub fn with_service<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: NamedService + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.routes = self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Adds an encoded `FileDescriptorSet`, which reflection then serves.
    #[must_use]
    pub fn with_descriptors(mut self, encoded: &'static [u8]) -> Self {
        self.descriptors.push(encoded);
        self
    }
}

/// Services ready to be served, over any transport; clones share their health.
#[derive(Clone, Debug)]
pub struct Stack {
    pub(crate) layered: Layered,
    health: HealthReporter,
    names: Vec<&'static str>,
}

/// The routes within their layers.
pub(crate) type Layered =
    DeadlineService<MapResponse<Routes, fn(Response<Body>) -> Response<Body>>>;

impl Stack {
    /// Adds health and reflection (v1 and v1alpha) to the services and puts the layers around.
    ///
    /// # Errors
    /// [`StartError::Descriptors`] if a descriptor set cannot be read.
    pub async fn new(services: Services) -> Result<Self, StartError> {
        let health = HealthReporter::new();
        let routes = services
            .routes
            .add_service(health_server(&health))
            .add_service(reflection(&services.descriptors).build_v1()?)
            .add_service(reflection(&services.descriptors).build_v1alpha()?);
        let stack = Self { layered: layer(routes), health, names: services.names };
        stack.report(ServingStatus::Serving).await;
        Ok(stack)
    }

    /// A stack that serves the health of this one and nothing else.
    pub(crate) fn health_only(&self) -> Self {
        let routes = Routes::new(health_server(&self.health));
        Self { layered: layer(routes), ..self.clone() }
    }

    /// Reports that no new calls should come, to every watcher of health.
    pub(crate) async fn report_not_serving(&self) {
        self.report(ServingStatus::NotServing).await;
    }

    async fn report(&self, status: ServingStatus) {
        self.health.set_service_status("", status).await;
        for name in &self.names {
            self.health.set_service_status(name, status).await;
        }
    }
}

/// Puts the layers around the routes, the outermost last.
fn layer(routes: Routes) -> Layered {
    let explained: fn(Response<Body>) -> Response<Body> = message_limit::explained;
    DeadlineLayer.layer(MapResponse::new(routes.prepare(), explained))
}

fn health_server(health: &HealthReporter) -> HealthServer<HealthService> {
    HealthServer::new(HealthService::from_health_reporter(health.clone()))
}

fn reflection(descriptors: &[&'static [u8]]) -> Reflection<'static> {
    descriptors.iter().fold(
        Reflection::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET),
        |reflection, encoded| reflection.register_encoded_file_descriptor_set(encoded),
    )
}
