import { diskHint, errorCodes, failure, PolyarchError, reasonOf } from '../../lib/errors.ts';
import type { WireError } from './protocol.ts';

/** What is left of an error on the other side: code, message, hint and output. Anything that is not ours becomes STORE where the disk is at fault, else KEEPER. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof PolyarchError)) {
    if (diskHint(error))
      return toWireError(failure('STORE', 'work in', 'keeper', reasonOf(error), { cause: error }));
    return { code: 'KEEPER', message: `Cannot work in "keeper": ${reasonOf(error)}` };
  }
  const { code, message, hint, output } = error;
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(output === undefined ? {} : { output }),
  };
}

export function fromWireError(wire: WireError): PolyarchError {
  const code = Object.hasOwn(errorCodes, wire.code) ? wire.code : 'KEEPER';
  return new PolyarchError(code, wire.message, { hint: wire.hint, output: wire.output });
}
