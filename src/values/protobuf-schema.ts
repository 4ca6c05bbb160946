import {
  common,
  Enum,
  type Field,
  MapField,
  Namespace,
  parse,
  type ReflectionObject,
  Root,
  Type,
} from 'protobufjs';
import { FileDescriptorProto } from 'protobufjs/ext/descriptor';
import { ValueError } from './decoded';
import type { NamedSchema } from './schema-registry';

/** A Protobuf file. */
export interface ProtobufFile {
  /** The messages that the file declares, in its order: values name theirs by its place. */
  readonly messages: readonly Type[];
}

/** Names stay as they are written: `json_name` goes by them. */
const OPTIONS = { keepCase: true };
/** A serialized `FileDescriptorProto`: some serializers register this instead of the text. */
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

/** @throws ValueError `bad-schema` */
export function parseProtobuf(text: string, references: readonly NamedSchema[]): ProtobufFile {
  try {
    return BASE64.test(text) ? ofDescriptors(text, references) : ofTexts(text, references);
  } catch (error) {
    throw error instanceof ValueError ? error : new ValueError('bad-schema', (error as Error).message);
  }
}

function fileOf(root: Root, name: string, count: number): ProtobufFile {
  root.resolveAll();
  return { messages: typesOf(name === '' ? root : root.lookup(name)).slice(0, count) };
}

function ofTexts(text: string, references: readonly NamedSchema[]): ProtobufFile {
  const root = new Root();
  const added = new Set(references.map(({ name }) => name));
  const add = (file: string) => {
    const { package: name, imports, weakImports } = parse(file, root, OPTIONS);
    for (const each of [...(imports ?? []), ...(weakImports ?? [])]) {
      const known = common.get(each)?.nested;
      if (known === undefined || added.has(each)) continue;
      added.add(each);
      root.addJSON(known);
    }
    return name ?? '';
  };
  // First, so that its messages come first in a package that it shares with what it imports.
  const name = add(text);
  const { length } = typesOf(name === '' ? root : root.lookup(name));
  for (const reference of references) add(reference.text);
  return fileOf(root, name, length);
}

/** What the types of protobufjs leave out. */
const { fromDescriptor } = Root as unknown as { fromDescriptor(set: object, options: object): Root };

function ofDescriptors(text: string, references: readonly NamedSchema[]): ProtobufFile {
  const [main, ...imported] = [text, ...references.map((reference) => reference.text)].map((file) =>
    FileDescriptorProto.decode(Buffer.from(file, 'base64')),
  );
  // Serializers do not register what every `protoc` brings along.
  const known = new Root();
  for (const name of COMMON) known.addJSON(common.get(name)!.nested!);
  known.resolveAll();
  const { file: own } = (
    known as unknown as { toDescriptor(edition: string): { file: object[] } }
  ).toDescriptor('proto3');
  const root = fromDescriptor.call(Root, { file: [main, ...imported, ...own] }, OPTIONS);
  const { package: name, messageType } = main as unknown as {
    package: string;
    messageType: readonly unknown[];
  };
  return fileOf(root, name, messageType.length);
}

const COMMON = ['any', 'duration', 'timestamp', 'empty', 'struct', 'wrappers', 'field_mask'].map(
  (name) => `google/protobuf/${name}.proto`,
);

function typesOf(place: ReflectionObject | null): Type[] {
  return place instanceof Namespace ? place.nestedArray.filter((nested) => nested instanceof Type) : [];
}

export function nestedTypes(type: Type): Type[] {
  return typesOf(type);
}

export type FieldKind = 'scalar' | 'enum' | 'message';

export function kindOf(field: Field): FieldKind {
  if (field.resolvedType instanceof Enum) return 'enum';
  return field.resolvedType instanceof Type ? 'message' : 'scalar';
}

/** The type of a map's keys; null for a field that is no map. */
export function keyTypeOf(field: Field): string | null {
  return field instanceof MapField ? (field as MapField).keyType : null;
}

/** Name in JSON: as `json_name` says, else in lower camel case. */
export function jsonNameOf(field: Field): string {
  const given = field.options?.json_name as string | undefined;
  return (
    given ?? field.name.replace(/_+(.)?/g, (_, letter: string | undefined) => (letter ?? '').toUpperCase())
  );
}
