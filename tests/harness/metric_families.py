"""The protobuf exposition, read by the official library from a description of its messages."""

import functools

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import decoder

# Message: (field, number, type) with * for repeated; from the published metrics.proto.
MESSAGES = {
    "LabelPair": [("name", 1, "string"), ("value", 2, "string")],
    "Gauge": [("value", 1, "double")],
    "Counter": [("value", 1, "double"), ("exemplar", 2, "Exemplar"), ("created_timestamp", 3, "Timestamp")],
    "Untyped": [("value", 1, "double")],
    "Summary": [("sample_count", 1, "uint64"), ("sample_sum", 2, "double"), ("created_timestamp", 4, "Timestamp")],
    "Histogram": [("sample_count", 1, "uint64"), ("sample_sum", 2, "double"), ("bucket", 3, "Bucket*"), ("schema", 5, "sint32"),
                  ("zero_threshold", 6, "double"), ("zero_count", 7, "uint64"), ("positive_span", 12, "BucketSpan*"),
                  ("positive_delta", 13, "sint64*"), ("created_timestamp", 15, "Timestamp")],
    "Bucket": [("cumulative_count", 1, "uint64"), ("upper_bound", 2, "double"), ("exemplar", 3, "Exemplar")],
    "BucketSpan": [("offset", 1, "sint32"), ("length", 2, "uint32")],
    "Exemplar": [("label", 1, "LabelPair*"), ("value", 2, "double"), ("timestamp", 3, "Timestamp")],
    "Timestamp": [("seconds", 1, "int64"), ("nanos", 2, "int32")],
    "Metric": [("label", 1, "LabelPair*"), ("gauge", 2, "Gauge"), ("counter", 3, "Counter"), ("summary", 4, "Summary"),
               ("untyped", 5, "Untyped"), ("histogram", 7, "Histogram")],
    "MetricFamily": [("name", 1, "string"), ("help", 2, "string"), ("type", 3, "int32"), ("metric", 4, "Metric*"), ("unit", 5, "string")],
}


@functools.cache
def message(name: str):
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="metrics.proto", package="exposition", syntax="proto2")
    for title, fields in MESSAGES.items():
        of = file.message_type.add(name=title)
        for label, number, kind in fields:
            repeated = kind.endswith("*")
            kind = kind.rstrip("*")
            entry = of.field.add(name=label, number=number, label=field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL)
            if kind in MESSAGES:
                entry.type, entry.type_name = field.TYPE_MESSAGE, f".exposition.{kind}"
            else:
                entry.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"exposition.{name}"))


def families(body: bytes) -> dict:
    """The families of a delimited body, by name; nothing in it may be unknown."""
    found, at = {}, 0
    while at < len(body):
        length, at = decoder._DecodeVarint32(body, at)
        family = message("MetricFamily").FromString(body[at:at + length])
        assert family.ByteSize() == length, f"{family.name}: fields that the description does not have"
        assert family.name not in found, f"{family.name} twice"
        found[family.name] = family
        at += length
    return found


def labels(metric) -> dict:
    return {pair.name: pair.value for pair in metric.label}
