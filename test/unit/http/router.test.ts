import { expect, test } from 'vitest';
import type { Method } from '../../../server/contract/route.ts';
import { createRouter } from '../../../server/http/router.ts';

const ROUTES: readonly (readonly [Method, string])[] = [
  ['GET', '/api/:kind'],
  ['GET', '/api/:kind/:namespace/:name'],
  ['GET', '/api/:kind/:namespace/:name/refs'],
  ['GET', '/api/:kind/:namespace/:name/tree/*'],
  ['POST', '/api/:kind/:namespace/:name/branch/*'],
  ['DELETE', '/api/:kind/:namespace/:name/branch/*'],
  ['GET', '/api/spaces/hardware'],
  ['GET', '/api/:kind/:name/tree/**'],
  ['GET', '/:prefix?/:namespace/:name/resolve/*'],
  ['GET', '/:prefix?/:name/resolve/*'],
  ['PUT', '/api/lfs/objects/:capability'],
];

const router = createRouter<string>();
for (const [method, path] of ROUTES) router.add(method, path, `${method} ${path}`);

const find = (method: Method, path: string) => router.find(method, path.slice(1).split('/'));

test.each([
  ['GET', '/api/models', '/api/:kind', { kind: 'models' }, []],
  [
    'GET',
    '/api/datasets/a/b',
    '/api/:kind/:namespace/:name',
    { kind: 'datasets', namespace: 'a', name: 'b' },
    [],
  ],
  [
    'GET',
    '/api/models/a/b/refs',
    '/api/:kind/:namespace/:name/refs',
    { kind: 'models', namespace: 'a', name: 'b' },
    [],
  ],
  [
    'GET',
    '/api/kernels/a/b/tree/x%2Fy/z',
    '/api/:kind/:namespace/:name/tree/*',
    { kind: 'kernels', namespace: 'a', name: 'b' },
    ['x%2Fy', 'z'],
  ],
  [
    'GET',
    '/api/models/a/b/tree//z/',
    '/api/:kind/:namespace/:name/tree/*',
    { kind: 'models', namespace: 'a', name: 'b' },
    ['', 'z', ''],
  ],
  [
    'GET',
    '/api/models/gpt2/tree',
    '/api/:kind/:namespace/:name',
    { kind: 'models', namespace: 'gpt2', name: 'tree' },
    [],
  ],
  [
    'GET',
    '/api/models/gpt2/tree/main',
    '/api/:kind/:name/tree/**',
    { kind: 'models', name: 'gpt2' },
    ['main'],
  ],
  ['GET', '/api/spaces/hardware', '/api/spaces/hardware', {}, []],
  [
    'GET',
    '/api/spaces/hardware/x',
    '/api/:kind/:namespace/:name',
    { kind: 'spaces', namespace: 'hardware', name: 'x' },
    [],
  ],
  [
    'GET',
    '/a/b/resolve/main/x',
    '/:prefix?/:namespace/:name/resolve/*',
    { namespace: 'a', name: 'b' },
    ['main', 'x'],
  ],
  [
    'GET',
    '/datasets/a/b/resolve/main/x',
    '/:prefix?/:namespace/:name/resolve/*',
    { prefix: 'datasets', namespace: 'a', name: 'b' },
    ['main', 'x'],
  ],
  [
    'GET',
    '/models/a/b/resolve/main/x',
    '/:prefix?/:namespace/:name/resolve/*',
    { prefix: 'models', namespace: 'a', name: 'b' },
    ['main', 'x'],
  ],
  [
    'GET',
    '/resolve/resolve/resolve/resolve/resolve',
    '/:prefix?/:namespace/:name/resolve/*',
    { namespace: 'resolve', name: 'resolve' },
    ['resolve', 'resolve'],
  ],
  ['PUT', '/api/lfs/objects/abc.def', '/api/lfs/objects/:capability', { capability: 'abc.def' }, []],
] as const)('%s %s', (method, path, expected, params, rest) => {
  expect(find(method, path)).toEqual({ target: `${method} ${expected}`, params, rest });
});

test.each([
  ['GET', '/API/models'],
  ['GET', '/api/Models'],
  ['GET', '/api/modelz'],
  ['GET', '//api//models'],
  ['GET', '/api/./models'],
  ['GET', '/api/../api/models'],
  ['GET', '/api/models/'],
  ['GET', '/api/models/a/'],
  ['GET', '/api/models//b'],
  ['GET', '/api/models/a/b/'],
  ['GET', '/api/models/a/b/tree'],
  ['GET', '/%61pi/models'],
  ['GET', '/a/b/resolve'],
  ['POST', '/api/models'],
  ['GET', '/'],
] as const)('%s %s is nothing', (method, path) => {
  expect(find(method, path)).toBeUndefined();
});

test('tells which methods a path takes', () => {
  expect(router.methods(['api', 'models', 'a', 'b', 'branch', 'x'])).toEqual(['POST', 'DELETE']);
  expect(router.methods(['api', 'models'])).toEqual(['GET']);
  expect(router.methods(['nowhere'])).toEqual([]);
});
