// The types of streams and futures that are made here. Each interface has its own `stream<u8>`; the engine names them in the order in which
// `wit/worlds.wit` imports the interfaces: files, sockets, HTTP.

const streams = Object.keys(wit.Stream.types).filter(name => /^U8(_\d+)?$/.test(name));

export const [FILE_BYTES, SOCKET_BYTES, HTTP_BYTES] = streams.map(name => wit.Stream.types[name]);

/** `future<result<_, error-code>>` and `future<result<option<trailers>, error-code>>` of `wasi:http`. */
export const SENT = wit.Future.types.RESULT_VOID_WASI_HTTP_TYPES_0_3_0_ERROR_CODE;
export const TRAILERS = wit.Future.types.RESULT_OPTION_OTHER_ERROR_CODE;

/** A future that has its value. */
export function fulfilled(type, value) {
  const { readable, completion } = wit.Future.from(value, type);
  // Nobody has to read it.
  completion?.catch?.(() => {});
  return readable;
}
