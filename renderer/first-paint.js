/*
 * Runs before anything is painted, so that a dark page never flashes light. It is a classic script of its own because
 * the content policy forbids inline scripts and module scripts wait for the document.
 * The keys and values are those of appearance.ts.
 */
(function () {
  const root = document.documentElement;
  let saved = {};
  try {
    saved = JSON.parse(localStorage.getItem('atoll.appearance') || '{}') || {};
  } catch {
    saved = {}; // storage blocked or text that is not ours: the defaults below hold
  }
  const dark =
    saved.theme === 'dark' || (saved.theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = dark ? 'dark' : 'light';
  root.dataset.density = saved.density || 'default';
  if (typeof saved.baseSize === 'number') root.style.setProperty('--root', (saved.baseSize / 13) * 100 + '%');
})();
