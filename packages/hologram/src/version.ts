/** Of this package; a test compares it with package.json, which a program should not have to read at its start. */
export const VERSION = '0.1.0'
