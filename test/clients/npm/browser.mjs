// What a library that is made for browsers looks for.
globalThis.window = globalThis;
globalThis.document = new EventTarget();
