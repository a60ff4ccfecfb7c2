import { documentedItems } from '../../../test/documented-items.ts'

documentedItems('docs/hologram-documents.md', 'packages/hologram/test', 61)
