import { MemoryStore } from './memory-store.ts';
import { storeSuite } from './store.suite.ts';

storeSuite('the memory store', async () => ({ store: new MemoryStore(), close: async () => {} }));
