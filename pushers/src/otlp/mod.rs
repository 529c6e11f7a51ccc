//! `otlp = URL[,KEY=VALUE...]`, and the variables `OTEL_*`: metrics to whatever speaks the
//! OpenTelemetry protocol, over HTTP (protobuf or JSON) or gRPC.

mod answer;
mod delta;
mod encode;
mod environment;
mod json;
mod names;
mod options;
mod point;
mod proto;
mod transport;

pub(crate) use options::plans;
