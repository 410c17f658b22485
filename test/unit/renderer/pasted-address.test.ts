import { expect, test } from 'vitest';
import { parsePastedAddress } from '../../../renderer/shell/pasted-address.ts';

test.each([
  ['ana/fjord', 'model', '/ana/fjord'],
  [' datasets/ana/whales ', 'dataset', '/datasets/ana/whales'],
  ['https://huggingface.co/ana/fjord', 'model', '/ana/fjord'],
  ['https://huggingface.co/spaces/ana/demo?logs=build', 'space', '/spaces/ana/demo'],
  ['http://10.0.0.7:8790/ana/fjord/tree/v1.4/onnx', 'model', '/ana/fjord/tree/v1.4/onnx'],
  ['https://huggingface.co/ana/fjord/tree/refs%2Fpr%2F1', 'model', '/ana/fjord/tree/refs%2Fpr%2F1'],
  ['https://huggingface.co/ana/fjord/resolve/main/a%20b.json', 'model', '/ana/fjord/blob/main/a%20b.json'],
  ['https://huggingface.co/ana/fjord.git', 'model', '/ana/fjord'],
  ['hf://ana/fjord', 'model', '/ana/fjord'],
  ['hf://datasets/ana/whales@v2/data/a.parquet', 'dataset', '/datasets/ana/whales/blob/v2/data/a.parquet'],
])('%s is understood', (text, kind, path) => {
  expect(parsePastedAddress(text)).toMatchObject({ repo: { kind }, path });
});

test.each([
  '',
  'fjord',
  'two words/here',
  'https://huggingface.co/ana',
  'ana/fjord/something/else',
  'a/b/%zz/tree',
  'a/b/tree/%ff',
])('%j is no address of a repo', (text) => {
  expect(parsePastedAddress(text)).toBeUndefined();
});
