/** What the hub's pages have in common: no scripts, nothing from elsewhere, nobody's frame. */
import { createHash } from 'node:crypto'

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
dt { font-weight: 600; margin-top: 1.2rem } dd { margin: 0 }
code, pre { font: 14px/1.5 ui-monospace, monospace } pre { background: #f2f4f6; padding: .5rem; overflow-x: auto }
label { display: block; margin-top: .8rem } label.box { display: inline-block; margin-right: 1rem }
input:not([type=checkbox]) { display: block; font: 14px/1.5 ui-monospace, monospace; width: 26rem; max-width: 100%; padding: .3rem }
button { font: inherit; margin-top: 1.2rem; padding: .3rem 1.2rem }
`

/** `formAction`: where its forms may go. */
export function pageHeaders(formAction: `'none'` | `'self'`): Readonly<Record<string, string>> {
  const style = createHash('sha256').update(STYLE).digest('base64')
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action ${formAction}; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }
}

export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${STYLE}</style></head>
<body>
${body}
</body>
</html>
`
}

export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
