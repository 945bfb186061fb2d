import { connect } from 'node:net';
import { agentMessage, failureAnswer, framed, MessageReader } from './agent-message.ts';
import type { AgentSession } from './serve-agent.ts';

const allowed: readonly (number | undefined)[] = [agentMessage.requestIdentities, agentMessage.signRequest];

/** The agent behind a socket, for listing and signing alone: a step cannot add, remove or lock the user's keys (as BuildKit's readOnlyAgent). */
export function forwardedAgent(path: string): AgentSession {
  const socket = connect({ path });
  const reader = new MessageReader();
  const waiting: ((answer: Buffer) => void)[] = [];
  socket.on('data', (chunk) => {
    try {
      for (const message of reader.push(chunk)) waiting.shift()?.(message);
    } catch {
      socket.destroy();
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    for (const answer of waiting.splice(0)) answer(failureAnswer);
  });
  return {
    async answer(message) {
      if (!allowed.includes(message[0]) || socket.destroyed) return failureAnswer;
      return await new Promise((resolve) => {
        waiting.push(resolve);
        socket.write(framed(message));
      });
    },
    close: () => void socket.destroy(),
  };
}
