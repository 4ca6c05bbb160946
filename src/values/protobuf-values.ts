import type { Enum, Field, Type } from 'protobufjs';
import { type ByteReader, integerOf } from './byte-reader';
import { type JsonValue, ValueError } from './decoded';
import {
  jsonNameOf,
  keyTypeOf,
  kindOf,
  nestedTypes,
  type ProtobufFile,
  parseProtobuf,
} from './protobuf-schema';
import { floatOf, type RawMessage, WELL_KNOWN } from './protobuf-well-known';
import type { FramedReader, NamedSchema } from './schema-registry';
import { setMember } from './set-member';

const WIRE = { varint: 0, fixed64: 1, bytes: 2, group: 3, groupEnd: 4, fixed32: 5 } as const;
/** Of a list of message indexes: messages within each other in a file. */
const MAX_INDEXES = 32;

/** What a field of a message holds until the message is complete: later bytes may add to it. */
type Raw = JsonValue | RawMessage | Raw[] | Map<string, Raw>;

interface FieldPlan {
  readonly name: string;
  readonly isRepeated: boolean;
  /** It may come as a group. */
  readonly isMessage: boolean;
  /** It is shown even if it has its default value. */
  readonly hasPresence: boolean;
  /** Fields of which only the last one that came counts. */
  readonly rivals: readonly number[];
  readonly wire: number;
  read(reader: ByteReader, before: Raw | undefined, isGroup: boolean): Raw;
  show(raw: Raw): JsonValue;
}

interface MessagePlan {
  readonly name: string;
  /** By number, in ascending order. */
  readonly fields: ReadonlyMap<number, FieldPlan>;
}

/** Reads the messages of one file, and shows them as Protobuf's JSON mapping says. */
class ProtobufReader {
  readonly #file: ProtobufFile;
  readonly #plans = new Map<Type, MessagePlan>();

  constructor(file: ProtobufFile) {
    this.#file = file;
  }

  /** The list of indexes that names the message, then the message. */
  readFramed(reader: ByteReader): JsonValue {
    const count = reader.zigzag();
    if (!(count >= 0 && count <= MAX_INDEXES)) throw new ValueError('malformed', 'it names no message');
    let list = this.#file.messages;
    let type: Type | undefined;
    for (let i = 0; i < Math.max(1, count); i++) {
      // An empty list is short for the first message.
      type = list[count === 0 ? 0 : reader.zigzag()];
      if (type === undefined) throw new ValueError('malformed', 'it names no message of its schema');
      list = nestedTypes(type);
    }
    return this.readMessage(type!, reader);
  }

  readMessage(type: Type, reader: ByteReader): JsonValue {
    return this.#show(type, this.#read(type, reader, undefined, null));
  }

  /** @param group number of the group that ends it; null: the bytes do */
  #read(type: Type, reader: ByteReader, before: RawMessage | undefined, group: number | null): RawMessage {
    const plan = this.#planOf(type);
    const message: RawMessage = before ?? new Map();
    reader.enter();
    while (group !== null || !reader.isAtEnd) {
      const tag = reader.varint();
      const [number, wire] = [tag >>> 3, tag & 7];
      if (number === 0) throw new ValueError('malformed', 'a field has the number 0');
      if (wire === WIRE.groupEnd) {
        if (number !== group) throw new ValueError('malformed', 'a group ends that did not begin');
        break;
      }
      reader.count(1);
      const field = plan.fields.get(number);
      if (field === undefined || !this.#take(field, number, wire, message, reader))
        skip(reader, number, wire);
    }
    reader.leave();
    return message;
  }

  /** Answers false when the bytes are not of the field's type: then they are as those of an unknown field. */
  #take(field: FieldPlan, number: number, wire: number, message: RawMessage, reader: ByteReader): boolean {
    const isPacked = field.isRepeated && wire === WIRE.bytes && field.wire !== WIRE.bytes;
    const isGroup = wire === WIRE.group && field.isMessage;
    if (wire !== field.wire && !isPacked && !isGroup) return false;
    for (const rival of field.rivals) message.delete(rival);
    const before = message.get(number) as Raw | undefined;
    if (isPacked) {
      const list = (before as Raw[] | undefined) ?? [];
      const outer = reader.narrow(lengthOf(reader));
      while (!reader.isAtEnd) {
        reader.count(1);
        list.push(field.read(reader, undefined, false));
      }
      reader.widen(outer);
      message.set(number, list);
    } else if (field.isRepeated) {
      const list = (before as Raw[] | undefined) ?? [];
      list.push(field.read(reader, isGroup ? number : undefined, isGroup));
      message.set(number, list);
    } else message.set(number, field.read(reader, isGroup ? number : before, isGroup));
    return true;
  }

  #show(type: Type, message: RawMessage): JsonValue {
    const wellKnown = Object.hasOwn(WELL_KNOWN, type.fullName) ? WELL_KNOWN[type.fullName] : undefined;
    const plan = this.#planOf(type);
    const object: Record<string, JsonValue> = {};
    for (const [number, field] of plan.fields) {
      const raw = message.get(number) as Raw | undefined;
      if (raw === undefined) continue;
      const isDefault = raw === 0 || raw === '' || raw === false || raw === '0';
      if (isDefault && !field.hasPresence && !field.isRepeated && wellKnown === undefined) continue;
      setMember(object, field.name, field.show(raw));
    }
    if (type.fullName === '.google.protobuf.Any') return object;
    return wellKnown === undefined ? object : wellKnown(object);
  }

  #planOf(type: Type): MessagePlan {
    let plan = this.#plans.get(type);
    if (plan === undefined) {
      const fields = [...type.fieldsArray].sort((a, b) => a.id - b.id);
      plan = {
        name: type.fullName,
        fields: new Map(fields.map((field) => [field.id, this.#fieldPlan(field.resolve())])),
      };
      this.#plans.set(type, plan);
    }
    return plan;
  }

  #fieldPlan(field: Field): FieldPlan {
    const rivals = (field.partOf?.fieldsArray ?? []).filter((other) => other !== field).map(({ id }) => id);
    const kind = kindOf(field);
    const common = {
      name: jsonNameOf(field),
      isRepeated: field.repeated,
      isMessage: kind === 'message' && keyTypeOf(field) === null,
      hasPresence: field.hasPresence || kind === 'message',
      rivals,
    };
    const one = this.#oneOf(field);
    const keyType = keyTypeOf(field);
    if (keyType !== null)
      return { ...common, isRepeated: false, hasPresence: true, ...this.#mapPlan(field, keyType, one) };
    const show = field.repeated
      ? (raw: Raw): JsonValue => (raw as Raw[]).map((item) => one.show(item))
      : one.show;
    return { ...common, ...one, show };
  }

  /** One value of a field's type. */
  #oneOf(field: Field): Pick<FieldPlan, 'wire' | 'read' | 'show'> {
    const { resolvedType } = field;
    const kind = kindOf(field);
    if (kind === 'message') {
      const type = resolvedType as Type;
      return {
        wire: WIRE.bytes,
        read: (reader, before, isGroup) => {
          if (isGroup) return this.#read(type, reader, undefined, before as number);
          const outer = reader.narrow(lengthOf(reader));
          const message = this.#read(type, reader, before as RawMessage | undefined, null);
          reader.widen(outer);
          return message;
        },
        show: (raw) => this.#show(type, raw as RawMessage),
      };
    }
    if (kind === 'enum') {
      const { valuesById } = resolvedType as Enum;
      return {
        wire: WIRE.varint,
        read: (reader) => reader.varint() | 0,
        show: (raw) => valuesById[raw as number] ?? (raw as number),
      };
    }
    const scalar = SCALARS[field.type];
    if (scalar === undefined) throw new ValueError('bad-schema', `type ${field.type} is not known`);
    return { ...scalar, show: (raw) => raw as JsonValue };
  }

  #mapPlan(
    field: Field,
    keyType: string,
    value: Pick<FieldPlan, 'wire' | 'read' | 'show'>,
  ): Pick<FieldPlan, 'wire' | 'read' | 'show'> {
    const key = SCALARS[keyType]!;
    return {
      wire: WIRE.bytes,
      read: (reader, before) => {
        const map = (before as Map<string, Raw> | undefined) ?? new Map<string, Raw>();
        const outer = reader.narrow(lengthOf(reader));
        let name: Raw = keyType === 'string' ? '' : keyType === 'bool' ? false : 0;
        let found: Raw | undefined;
        while (!reader.isAtEnd) {
          const tag = reader.varint();
          if (tag === ((1 << 3) | key.wire)) name = key.read(reader);
          else if (tag === ((2 << 3) | value.wire)) found = value.read(reader, found, false);
          else skip(reader, tag >>> 3, tag & 7);
        }
        reader.widen(outer);
        map.set(String(name), found ?? emptyOf(field));
        return map;
      },
      show: (raw) => {
        const object: Record<string, JsonValue> = {};
        for (const [name, item] of raw as Map<string, Raw>) setMember(object, name, value.show(item));
        return object;
      },
    };
  }
}

/** The value of an entry of a map that has only a key. */
function emptyOf(field: Field): Raw {
  const kind = kindOf(field);
  if (kind === 'message') return new Map() as RawMessage;
  if (kind === 'enum' || /32$|^float$|^double$/.test(field.type)) return 0;
  if (field.type === 'bool') return false;
  return /64$/.test(field.type) ? '0' : '';
}

function lengthOf(reader: ByteReader): number {
  const low = reader.varint();
  return reader.high === 0 ? low : Number.POSITIVE_INFINITY;
}

function skip(reader: ByteReader, number: number, wire: number): void {
  if (wire === WIRE.varint) reader.varint();
  else if (wire === WIRE.fixed64) reader.skip(8);
  else if (wire === WIRE.fixed32) reader.skip(4);
  else if (wire === WIRE.bytes) reader.skip(lengthOf(reader));
  else if (wire === WIRE.group) {
    reader.enter();
    for (;;) {
      const tag = reader.varint();
      if ((tag & 7) === WIRE.groupEnd) {
        if (tag >>> 3 !== number) throw new ValueError('malformed', 'a group ends that did not begin');
        break;
      }
      skip(reader, tag >>> 3, tag & 7);
    }
    reader.leave();
  } else throw new ValueError('malformed', 'a field is of no known wire type');
}

interface Scalar {
  readonly wire: number;
  /** As it is shown: 64-bit integers are texts in Protobuf's JSON. */
  readonly read: (reader: ByteReader) => JsonValue;
}

const varint = (read: Scalar['read']): Scalar => ({ wire: WIRE.varint, read });

const SCALARS: Readonly<Record<string, Scalar>> = {
  int32: varint((reader) => reader.varint() | 0),
  uint32: varint((reader) => reader.varint()),
  sint32: varint((reader) => {
    const low = reader.varint();
    return (low >>> 1) ^ -(low & 1);
  }),
  int64: varint((reader) => {
    const low = reader.varint();
    return String(integerOf(low, reader.high, true));
  }),
  uint64: varint((reader) => {
    const low = reader.varint();
    return String(integerOf(low, reader.high, false));
  }),
  sint64: varint((reader) => {
    const value = reader.zigzagExact();
    return value === 0 ? '0' : String(value);
  }),
  bool: varint((reader) => reader.varint() !== 0 || reader.high !== 0),
  fixed32: { wire: WIRE.fixed32, read: (reader) => reader.bytes.readUInt32LE(reader.skip(4)) },
  sfixed32: { wire: WIRE.fixed32, read: (reader) => reader.bytes.readInt32LE(reader.skip(4)) },
  fixed64: { wire: WIRE.fixed64, read: (reader) => String(reader.bytes.readBigUInt64LE(reader.skip(8))) },
  sfixed64: { wire: WIRE.fixed64, read: (reader) => String(reader.bytes.readBigInt64LE(reader.skip(8))) },
  float: { wire: WIRE.fixed32, read: (reader) => floatOf(reader.float()) },
  double: {
    wire: WIRE.fixed64,
    read: (reader) => {
      const value = reader.double();
      return Number.isFinite(value) ? (value === 0 ? 0 : value) : String(value);
    },
  },
  string: { wire: WIRE.bytes, read: (reader) => reader.text(lengthOf(reader)) },
  bytes: { wire: WIRE.bytes, read: (reader) => reader.base64(lengthOf(reader)) },
};

/** The reader of messages that nothing stands before: the first of the file. @throws ValueError `bad-schema` */
export function bareProtobufReader(text: string): FramedReader {
  const file = parseProtobuf(text, []);
  const [first] = file.messages;
  if (first === undefined) throw new ValueError('bad-schema', 'it has no message');
  const messages = new ProtobufReader(file);
  return (reader) => messages.readMessage(first, reader);
}

/** The reader of a Protobuf schema. @throws ValueError `bad-schema` */
export function protobufReader(text: string, references: readonly NamedSchema[]): FramedReader {
  const messages = new ProtobufReader(parseProtobuf(text, references));
  return (reader) => messages.readFramed(reader);
}
