import { pino } from 'pino';
import { currentContext } from './context.ts';
import { prettyLine } from './pretty-lines.ts';
import { redactText, redactValue } from './redaction.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

export type LogFields = Readonly<Record<string, unknown>>;

type Write = (message: string, fields?: LogFields) => void;

/** Where the hub writes down what it does. Errors go in the field `err`. */
export interface Log {
  readonly trace: Write;
  readonly debug: Write;
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
  /** The same log with fields that every line then carries. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** JSON lines for machines, readable text for people. */
  readonly format: 'json' | 'pretty';
  readonly colors?: boolean;
  /** Takes complete lines. */
  readonly write: (line: string) => void;
}

/**
 * A log of structured lines: time in UTC (RFC 3339), level, message, request id, fields. Secrets are hidden by
 * field name, by type and by shape, in messages, errors and fields alike (`redaction.ts`).
 */
export function createLog({ level, format, colors = false, write }: LogOptions): Log {
  const destination = format === 'json' ? write : (line: string) => write(prettyLine(line, colors));
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      mixin: () => ({ ...currentContext() }),
      formatters: { bindings: asLogged, log: asLogged },
      serializers: { err: (error: unknown) => error },
    },
    { write: destination },
  );
  return wrap(logger);
}

function asLogged(fields: Record<string, unknown>): Record<string, unknown> {
  return redactValue(fields) as Record<string, unknown>;
}

function wrap(logger: pino.Logger): Log {
  const at =
    (level: Exclude<LogLevel, 'silent'>): Write =>
    (message, fields = {}) =>
      logger[level](fields, redactText(message));
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(asLogged({ ...fields }))),
  };
}

/** A log that keeps nothing, for parts that run without one. */
export const silentLog: Log = createLog({ level: 'silent', format: 'json', write: () => undefined });
