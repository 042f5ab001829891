// The few names that the tests use of JavaScript files and packages without types.

declare module 'ws' {
  const WebSocket: new (url: string, subprotocol: string) => globalThis.WebSocket;
  export default WebSocket;
}
