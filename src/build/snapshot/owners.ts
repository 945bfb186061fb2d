/** `lost`: this process may not give files away, so that all belong to its own user. */
export type Owners = 'kept' | 'lost';
