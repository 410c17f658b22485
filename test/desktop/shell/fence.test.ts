import { EventEmitter } from 'node:events';
import type { WebContents, WindowOpenHandlerResponse } from 'electron';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { pageOfDeepLink } from '../../../electron/deep-link.ts';
import { externalLink, mayShow } from '../../../electron/fence.ts';
import { servePages, shellOrigin } from '../../../electron/pages.ts';
import { restrictSession } from '../../../electron/session-rules.ts';
import { fenceContents } from '../../../electron/window.ts';

vi.mock('electron', () => ({ BrowserWindow: class {}, nativeTheme: {}, screen: {} }));

const hubUrl = 'http://127.0.0.1:8790';

const outside = [
  'https://huggingface.co/',
  'http://127.0.0.1:8791/',
  'http://127.0.0.1:8790@example.invalid/',
  'http://127.0.0.1:8790.example.invalid/',
  'https://127.0.0.1:8790/',
  'http://localhost:8790/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'data:text/html,x',
  'blob:http://127.0.0.1:8790/x',
  'atoll://open/models',
  'atoll-shell://elsewhere/starting.html',
  'not an address',
];

describe('the fence round the window', () => {
  test('shows the hub and the shell’s own pages', () => {
    expect(mayShow(`${hubUrl}/models?x=1#y`, hubUrl)).toBe(true);
    expect(mayShow('atoll-shell://pages/starting.html', undefined)).toBe(true);
  });

  test('shows no hub while none is known', () => {
    expect(mayShow(hubUrl, undefined)).toBe(false);
  });

  test.each(outside)('keeps out %s', (url) => {
    expect(mayShow(url, hubUrl)).toBe(false);
  });

  describe('in a window', () => {
    let contents: EventEmitter & {
      open: (url: string) => WindowOpenHandlerResponse;
    };
    let opened: string[];
    let offered: string[];
    const navigate = (event: string, url: string, isMainFrame = true): boolean => {
      const preventDefault = vi.fn();
      contents.emit(event, { url, isMainFrame, preventDefault });
      return preventDefault.mock.calls.length === 0;
    };

    beforeEach(() => {
      opened = [];
      offered = [];
      contents = Object.assign(new EventEmitter(), {
        open: (): WindowOpenHandlerResponse => expect.fail('No handler was set.'),
      });
      Object.assign(contents, {
        setWindowOpenHandler: (handler: (details: { url: string }) => WindowOpenHandlerResponse) => {
          contents.open = (url) => handler({ url });
        },
      });
      fenceContents(contents as unknown as WebContents, {
        hubUrl: () => hubUrl,
        openPage: (url) => opened.push(url),
        offerLink: (url) => offered.push(url),
      });
    });

    test('a link within the hub is followed', () => {
      expect(navigate('will-navigate', `${hubUrl}/datasets`)).toBe(true);
      expect(navigate('will-redirect', `${hubUrl}/login`)).toBe(true);
      expect(offered).toEqual([]);
    });

    test.each(outside)('%s is not followed, not by a redirect and not in a frame', (url) => {
      expect(navigate('will-navigate', url)).toBe(false);
      expect(offered).toEqual([url]);
      expect(navigate('will-redirect', url)).toBe(false);
      expect(navigate('will-frame-navigate', url, false)).toBe(false);
    });

    test('no new window opens: a page of the hub comes into this one, another is offered', () => {
      expect(contents.open(`${hubUrl}/models`)).toEqual({ action: 'deny' });
      expect(opened).toEqual([`${hubUrl}/models`]);
      expect(contents.open('https://example.invalid/')).toEqual({ action: 'deny' });
      expect(offered).toEqual(['https://example.invalid/']);
    });

    test('nothing can attach a webview', () => {
      expect(navigate('will-attach-webview', hubUrl)).toBe(false);
    });
  });
});

describe('a link that leaves the app', () => {
  test('is handed on as it was parsed', () => {
    expect(externalLink('HTTPS://Example.invalid/a b')).toBe('https://example.invalid/a%20b');
  });

  test.each([
    'file:///etc/passwd',
    'smb://server/share',
    'ms-msdt:/id',
    'javascript:alert(1)',
    'https://user:secret@example.invalid/',
    'https://huggingface.co@example.invalid/',
    '//example.invalid/',
    '',
    `https://example.invalid/${'x'.repeat(2_000)}`,
  ])('is not handed on: %s', (url) => {
    expect(externalLink(url)).toBeUndefined();
  });
});

describe('a deep link', () => {
  test('opens a page of the hub', () => {
    expect(pageOfDeepLink('atoll://open/datasets/lab/corals?x=1', hubUrl)).toBe(
      `${hubUrl}/datasets/lab/corals?x=1`,
    );
    expect(pageOfDeepLink('atoll://open', hubUrl)).toBe(`${hubUrl}/`);
  });

  test.each([
    'atoll://open/api/models',
    'atoll://open/setup?secret=x',
    'atoll://open/../api/models',
    'atoll://open//example.invalid/x',
    'atoll://open/logout',
    'atoll://other/models',
    'https://example.invalid/',
    'atoll:',
  ])('does not act and does not leave the hub: %s', (link) => {
    expect(pageOfDeepLink(link, hubUrl)).toBeUndefined();
  });
});

describe('the shell’s own pages', () => {
  const serve = servePages(new URL('../../../resources/pages', import.meta.url).pathname);
  const get = (path: string): Promise<Response> => serve(new Request(`${shellOrigin}${path}`));

  test('come with a policy that allows nothing but themselves', async () => {
    const page = await get('/startup-error.html');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(await page.text()).toContain('startup-error.js');
  });

  test.each(['/', '/draw.js', '/../icons/draw.js', '/%2e%2e/icons/draw.js', '/toString', '/pages.css/x'])(
    'are all there is: %s',
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );
});

test('pages may write text to the clipboard and get no other permission', () => {
  const answers: Record<string, unknown> = {};
  const keep = (name: string) => (handler: unknown) => {
    answers[name] = handler;
  };
  restrictSession({
    setPermissionRequestHandler: keep('request'),
    setPermissionCheckHandler: keep('check'),
    setDevicePermissionHandler: keep('device'),
    setDisplayMediaRequestHandler: keep('display'),
  } as never);
  const { request, check, device, display } = answers as Record<string, (...values: unknown[]) => unknown>;
  const asked = [
    'clipboard-sanitized-write',
    'clipboard-read',
    'media',
    'geolocation',
    'notifications',
    'openExternal',
  ];
  expect(asked.map((permission) => check?.(null, permission))).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
  const granted: unknown[] = [];
  for (const permission of asked)
    request?.(null, permission, (isGranted: boolean) => granted.push(isGranted));
  expect(granted).toEqual([true, false, false, false, false, false]);
  expect(device?.({})).toBe(false);
  display?.({}, (streams: object) => expect(streams).toEqual({}));
  expect.assertions(4);
});
