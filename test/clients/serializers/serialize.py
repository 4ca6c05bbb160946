"""Serializes values with Confluent's own serializers against a running registry, reads them back with its own
deserializers, and prints a line of JSON for each: the bytes, and what they are as that deserializer says."""

import base64
import datetime
import decimal
import json
import sys
import uuid

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

client = SchemaRegistryClient({"url": sys.argv[1]})
VALUE = MessageField.VALUE


def tell(name, data, shown):
    print(json.dumps({"name": name, "bytes": base64.b64encode(data).decode(), "shown": shown}))


def plain(value):
    """A value of a deserializer as JSON, by the rules of docs/values.md."""
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return value.isoformat(timespec="microseconds")
    return value


ADDRESS = {
    "type": "record", "name": "Address", "namespace": "shop",
    "fields": [{"name": "city", "type": "string"}, {"name": "zip", "type": ["null", "string"]}],
}
ORDER = {
    "type": "record", "name": "Order", "namespace": "shop",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "number", "type": "long"},
        {"name": "ratio", "type": "double"},
        {"name": "weight", "type": "float"},
        {"name": "paid", "type": "boolean"},
        {"name": "photo", "type": "bytes"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "counts", "type": {"type": "map", "values": "int"}},
        {"name": "to", "type": ["null", "shop.Address"]},
        {"name": "either", "type": ["int", "string", "null"]},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "time", "type": {"type": "long", "logicalType": "time-micros"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "uuid", "type": {"type": "string", "logicalType": "uuid"}},
    ],
}


def order(i):
    return {
        "id": f"o-{i} ü€😀", "number": (-1) ** i * (2 ** (4 * i % 64) - 1), "ratio": i / 7, "weight": i / 3, "paid": i % 2 == 0,
        "photo": bytes(range(i)), "state": ["NEW", "PAID"][i % 2], "tags": ["t"] * i, "counts": {"a": i, "__proto__": -i},
        "to": None if i % 3 == 0 else {"city": "Bern", "zip": None if i % 2 == 0 else "3000"},
        "either": [i, "text", None][i % 3], "total": decimal.Decimal(i * 12345 - 50000) / 100,
        "day": datetime.date(1969, 12, 25) + datetime.timedelta(days=i * 1000),
        "time": datetime.time(i, 59, 1, i), "at": datetime.datetime(1960 + 10 * i, 1, 2, 3, 4, 5, i, tzinfo=datetime.timezone.utc),
        "uuid": uuid.UUID(int=i * 12345678901234567890),
    }


def avro():
    client.register_schema("address", Schema(json.dumps(ADDRESS), "AVRO"))
    references = [SchemaReference("shop.Address", "address", 1)]
    schema = Schema(json.dumps(ORDER), "AVRO", references)
    serialize = AvroSerializer(client, schema)
    deserialize = AvroDeserializer(client)
    context = SerializationContext("orders", VALUE)
    for i in range(16):
        data = serialize(order(i), context)
        tell(f"avro {i}", data, plain(deserialize(data, context)))
    for kind, value in (("string", "key-7"), ("long", 2**62 + 1), ("int", -3), ("bytes", b"\x00\xff")):
        context = SerializationContext(f"keys-{kind}", MessageField.KEY)
        data = AvroSerializer(client, json.dumps(kind))(value, context)
        tell(f"avro key {kind}", data, plain(AvroDeserializer(client)(data, context)))


def json_schema():
    schema = json.dumps({"title": "Order", "type": "object", "properties": {"id": {"type": "string"}}})
    context = SerializationContext("json", VALUE)
    for i in range(4):
        data = JSONSerializer(schema, client)({"id": f"ü{i}", "n": 10**i / 3, "deep": [{"a": None}, True]}, context)
        tell(f"json {i}", data, JSONDeserializer(schema)(data, context))


def protobuf_types():
    Field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="order.proto", package="shop", syntax="proto3",
        dependency=["google/protobuf/timestamp.proto", "google/protobuf/duration.proto", "google/protobuf/wrappers.proto",
                    "google/protobuf/struct.proto"],
    )
    other = file.message_type.add(name="Other")
    other.field.add(name="x", number=1, type=Field.TYPE_INT32, label=Field.LABEL_OPTIONAL)
    inner = other.nested_type.add(name="Inner")
    inner.field.add(name="deep_name", number=1, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL)
    message = file.message_type.add(name="Order")
    state = file.enum_type.add(name="State")
    state.value.add(name="NEW", number=0)
    state.value.add(name="PAID", number=1)
    scalars = ["int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64", "bool",
               "float", "double", "string", "bytes"]
    for number, name in enumerate(scalars, 1):
        message.field.add(name=f"a_{name}", number=number, type=getattr(Field, f"TYPE_{name.upper()}"), label=Field.LABEL_OPTIONAL)
    more = [
        ("state", Field.TYPE_ENUM, ".shop.State", Field.LABEL_OPTIONAL), ("states", Field.TYPE_ENUM, ".shop.State", Field.LABEL_REPEATED),
        ("packed_longs", Field.TYPE_SINT64, "", Field.LABEL_REPEATED), ("some_texts", Field.TYPE_STRING, "", Field.LABEL_REPEATED),
        ("inner", Field.TYPE_MESSAGE, ".shop.Other.Inner", Field.LABEL_OPTIONAL), ("others", Field.TYPE_MESSAGE, ".shop.Other", Field.LABEL_REPEATED),
        ("created_at", Field.TYPE_MESSAGE, ".google.protobuf.Timestamp", Field.LABEL_OPTIONAL),
        ("took", Field.TYPE_MESSAGE, ".google.protobuf.Duration", Field.LABEL_OPTIONAL),
        ("maybe", Field.TYPE_MESSAGE, ".google.protobuf.Int64Value", Field.LABEL_OPTIONAL),
        ("anything", Field.TYPE_MESSAGE, ".google.protobuf.Struct", Field.LABEL_OPTIONAL),
    ]
    for number, (name, kind, type_name, label) in enumerate(more, 20):
        message.field.add(name=name, number=number, type=kind, label=label, **({"type_name": type_name} if type_name else {}))
    pool = descriptor_pool.Default()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"shop.{name}")) for name in ("Order", "Other", "Other.Inner")}


def protobuf():
    types = protobuf_types()
    context = SerializationContext("protobuf", VALUE)

    def send(name, message):
        data = ProtobufSerializer(type(message), client, {"use.deprecated.format": False})(message, context)
        back = ProtobufDeserializer(type(message), {"use.deprecated.format": False})(data, context)
        tell(name, data, json_format.MessageToDict(back))

    for i in range(16):
        message = types["Order"](
            a_int32=-i, a_int64=-(2 ** (4 * i)) + i, a_uint32=2**32 - 1 - i, a_uint64=2**64 - 1 - i, a_sint32=(-1) ** i * i,
            a_sint64=(-1) ** i * 2 ** (4 * i - 4 if i else 0), a_fixed32=i, a_fixed64=2**63 + i, a_sfixed32=-i, a_sfixed64=-(2**62) - i,
            a_bool=i % 2 == 1, a_float=i / 3, a_double=i / 7, a_string="ü€😀"[: i % 4], a_bytes=bytes(range(i)), state=i % 3, states=[0, 1, i % 2],
            packed_longs=[-i, i, 2**62], some_texts=["", "x"][: i % 3],
        )
        if i % 2:
            message.inner.deep_name = "in" * i
            message.others.add(x=i)
            message.others.add()
            message.created_at.FromNanoseconds((i - 5) * 10**17 + (0, 1, 1_000, 1_000_000)[i % 4])
            message.took.FromNanoseconds((i - 5) * 1_500_000_000)
            message.maybe.value = 0 if i == 1 else i
            message.anything.update({"a": [1.5, None, True, {"b": "c"}], "n": i})
        send(f"protobuf {i}", message)
    send("protobuf second message", types["Other"](x=3))
    send("protobuf nested message", types["Other.Inner"](deep_name="n"))
    send("protobuf nothing", types["Order"]())


avro()
json_schema()
protobuf()
