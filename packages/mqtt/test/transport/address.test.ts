import { UsageError } from '@halyard/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressText, hostAndPort, parseAddress, urlOf } from '../../src/address.ts'

const text = (address: string): string => {
  const { scheme, host, port, path } = parseAddress(address)
  return `${scheme} ${host} ${port} ${path}`.trim()
}

describe('parseAddress', () => {
  it.each([
    ['broker', 'mqtt broker 1883'],
    ['broker:1884', 'mqtt broker 1884'],
    ['192.168.1.7:80', 'mqtt 192.168.1.7 80'],
    ['[::1]:1884', 'mqtt ::1 1884'],
    ['mqtt://broker', 'mqtt broker 1883'],
    ['mqtt://broker/', 'mqtt broker 1883'],
    ['mqtt://broker:80', 'mqtt broker 80'],
    ['mqtt://broker:080/', 'mqtt broker 80'],
    ['MQTTS://Broker.Example', 'mqtts broker.example 8883'],
    ['tcp://broker', 'mqtt broker 1883'],
    ['ssl://broker', 'mqtts broker 8883'],
    ['tls://broker:443', 'mqtts broker 443'],
    ['mqtts://[fe80::1]', 'mqtts fe80::1 8883'],
    ['ws://broker', 'ws broker 80 /'],
    ['wss://broker', 'wss broker 443 /'],
    ['wss://broker:80/mqtt', 'wss broker 80 /mqtt'],
    ['ws://broker:8080/a b'.replace(' ', '%20'), 'ws broker 8080 /a%20b'],
    ['ws://broker/a/../b//c?x=1&y=%2F#part', 'ws broker 80 /b//c?x=1&y=%2F'],
    ['ws://broker?token', 'ws broker 80 /?token'],
    ['ws://bücher.example/ü', 'ws xn--bcher-kva.example 80 /%C3%BC'],
  ])('%s', (address, parts) => {
    expect(text(address)).toBe(parts)
  })

  it.each([
    ...[
      '',
      ' ',
      '://',
      'mqtt://',
      'mqtt:///broker',
      'mqtt://?x',
      'http://broker',
      'mqtt://broker:65536',
      'mqtt://broker:x',
    ],
    ...['mqtt://a b', 'mqtt://broker\n', 'ws://broker\\mqtt', 'mqtt://[::1', 'mqtt://::1', 'mqtt://[fe80::1%25eth0]'],
    ...['ws://broker:8\t0', '1.2.3.4.5', 'mqtt:broker', 'constructor://broker'],
  ])('%j is none', (address) => {
    expect(() => parseAddress(address)).toThrow(
      'an address looks like mqtt://host:1883, mqtts://host, ws://host:8080 or wss://host',
    )
  })

  it.each<unknown>([undefined, null, 7, {}, ['mqtt://broker']])('%j is none', (address) => {
    expect(() => parseAddress(address as string)).toThrow('an address looks like')
  })

  it.each(['mqtt://me:hunter2@broker', 'me@broker', 'wss://:hunter2@broker/'])('%s has a secret in it', (address) => {
    expect(() => parseAddress(address)).toThrow(
      'pass user name and password as options, not in the address, which logs show',
    )
  })

  it('refuses a path that nobody would use, and port 0', () => {
    expect(() => parseAddress('mqtt://broker/mqtt')).toThrow(
      'mqtt:// has no path: leave it out, or use ws:// or wss://',
    )
    expect(() => parseAddress('ssl://broker?x')).toThrow('mqtts:// has no path')
    expect(() => parseAddress('broker:0')).toThrow('nothing listens on port 0: give one from 1 to 65535')
  })

  it('throws nothing but ERR_MQTT_URL, which does not repeat what it was given', () => {
    const part = fc.constantFrom(
      'mqtt',
      'ws',
      '://',
      ':',
      '/',
      '@',
      '[',
      ']',
      '::1',
      '80',
      '?',
      '#',
      '\\',
      '%',
      'hunter2',
    )
    const texts = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.array(part).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(texts, (given) => {
        try {
          const address = parseAddress(given)
          expect(address.host).not.toBe('')
          expect(address.port).toBeGreaterThan(0)
          expect(parseAddress(urlOf(address))).toEqual(address)
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError)
          expect((error as UsageError).code).toBe('ERR_MQTT_URL')
          expect((error as UsageError).message).not.toContain('hunter2')
        }
      }),
    )
  })
})

describe('what people see', () => {
  it.each([
    ['broker', 'mqtt://broker:1883'],
    ['mqtts://[::1]', 'mqtts://[::1]:8883'],
    ['ws://broker', 'ws://broker:80'],
    ['wss://broker/mqtt', 'wss://broker:443/mqtt'],
    ['wss://broker/mqtt?token=hunter2', 'wss://broker:443/mqtt?…'],
    ['wss://broker/?token=hunter2', 'wss://broker:443/?…'],
  ])('of %s', (address, shown) => {
    expect(addressText(parseAddress(address))).toBe(shown)
  })

  it('the port stands behind the brackets of IPv6', () => {
    expect(hostAndPort(parseAddress('mqtt://[::1]'))).toBe('[::1]:1883')
  })
})
