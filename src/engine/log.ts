/** What the engine's parts need of a logger: pino has it. */
export type Log = Record<'debug' | 'info' | 'warn' | 'error', (facts: object, message: string) => void>
