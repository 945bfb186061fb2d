/** `node:http`. An `import` of it would make a namespace of all its exports, and the getter of one of them loads undici: 100 ms of a command's start. */
export const http = process.getBuiltinModule('node:http');
