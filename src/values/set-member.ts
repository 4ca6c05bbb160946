import type { JsonValue } from './decoded';

/** Sets an own member whatever its name: assigning would lose `__proto__`. */
export function setMember(object: Record<string, JsonValue>, name: string, value: JsonValue): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}
