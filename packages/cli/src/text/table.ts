import { fit, widthOf } from './width.ts'

export interface Column<Row> {
  readonly title: string
  readonly align?: 'right'
  readonly cell: (row: Row) => string
  readonly paint?: (text: string, row: Row) => string
}

/** Lines with columns two spaces apart. With `columns` given, the last column gives way so that lines fit. */
export function table<Row>(rows: readonly Row[], shape: readonly Column<Row>[], columns?: number): string[] {
  const cells = rows.map((row) => shape.map((column) => column.cell(row)))
  const widths = shape.map(({ title }, index) =>
    Math.max(widthOf(title), ...cells.map((line) => widthOf(line[index] ?? ''))),
  )
  const lastRoom =
    columns === undefined ? Infinity : columns - widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0)
  const line = (texts: readonly string[], row?: Row): string =>
    shape
      .map(({ align, paint }, index) => {
        const isLast = index === shape.length - 1
        const text = isLast ? fit(texts[index] ?? '', Math.max(8, lastRoom)) : (texts[index] ?? '')
        const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - widthOf(text)))
        const painted = row === undefined || paint === undefined ? text : paint(text, row)
        if (align === 'right') return padding + painted
        return isLast ? painted : painted + padding
      })
      .join('  ')
      .trimEnd()
  const titles = line(shape.map(({ title }) => title))
  return [titles, ...rows.map((row, index) => line(cells[index] ?? [], row))]
}
