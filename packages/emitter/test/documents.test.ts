import { documentedItems } from '../../../test/documented-items.ts'

documentedItems('docs/emitter-document.md', 'packages/emitter/test', 36)
