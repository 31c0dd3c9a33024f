/**
 * Node's HTTP/1.1, by the few names that are used of it. An `import` of node:http reads everything it exports; among that
 * are the browser's WebSocket, and with it a second HTTP client is loaded: 6 MB in every process that never uses it.
 */
export const { createServer, request, STATUS_CODES } = process.getBuiltinModule("node:http");
