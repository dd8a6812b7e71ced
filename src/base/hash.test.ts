import { expect, it } from 'vitest';
import { derivedId, sha256Hex } from './hash.ts';

it('sha256Hex is that of FIPS 180-4, and of the UTF-8 form of a text', () => {
  expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(sha256Hex('é')).toBe(sha256Hex(Buffer.from([0xc3, 0xa9])));
});

it('a derived id is a prefix and half a hash of its parts joined by NUL', () => {
  expect(derivedId('x', ['abc'])).toBe(`x_${sha256Hex('abc').slice(0, 32)}`);
  expect(derivedId('x', ['a', 'b'])).toBe(`x_${sha256Hex('a\0b').slice(0, 32)}`);
  expect(derivedId('x', ['ab', ''])).not.toBe(derivedId('x', ['a', 'b']));
  expect(derivedId('x', ['ab'])).not.toBe(derivedId('x', ['ab', '']));
});
