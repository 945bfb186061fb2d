import type { Keyword } from '../../dockerfile/instruction.ts';
import type { CommandReader } from '../command.ts';
import { readAdd } from './add.ts';
import { readArg } from './arg.ts';
import { readCmd } from './cmd.ts';
import { readCopy } from './copy.ts';
import { readEntrypoint } from './entrypoint.ts';
import { readEnv } from './env.ts';
import { readExpose } from './expose.ts';
import { readHealthcheck } from './healthcheck.ts';
import { readLabel } from './label.ts';
import { readMaintainer } from './maintainer.ts';
import { readOnbuild } from './onbuild.ts';
import { readRun } from './run.ts';
import { readShell } from './shell.ts';
import { readStopSignal } from './stop-signal.ts';
import { readUser } from './user.ts';
import { readVolume } from './volume.ts';
import { readWorkdir } from './workdir.ts';

/** Who reads which instruction; FROM begins a stage and is read by itself. */
export const readers: Readonly<Record<Exclude<Keyword, 'FROM'>, CommandReader>> = {
  ADD: readAdd,
  ARG: readArg,
  CMD: readCmd,
  COPY: readCopy,
  ENTRYPOINT: readEntrypoint,
  ENV: readEnv,
  EXPOSE: readExpose,
  HEALTHCHECK: readHealthcheck,
  LABEL: readLabel,
  MAINTAINER: readMaintainer,
  ONBUILD: readOnbuild,
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: readStopSignal,
  USER: readUser,
  VOLUME: readVolume,
  WORKDIR: readWorkdir,
};
