import { defineStore } from 'pinia';
import { ref, watch } from 'vue';

export const THEMES = ['light', 'dark', 'system'] as const;
export const DENSITIES = ['compact', 'default', 'roomy'] as const;
/** Sizes of the page's ordinary text in px. The picture is drawn at 13. */
export const BASE_SIZES = [12, 13, 14, 16] as const;

export type Theme = (typeof THEMES)[number];
export type Density = (typeof DENSITIES)[number];
export type BaseSize = (typeof BASE_SIZES)[number];

// first-paint.js reads the same key before anything is painted.
const STORAGE_KEY = 'atoll.appearance';

interface Saved {
  readonly theme: Theme;
  readonly density: Density;
  readonly baseSize: BaseSize;
  readonly singleKeys: boolean;
}

const DEFAULTS: Saved = { theme: 'system', density: 'default', baseSize: 13, singleKeys: true };

function load(): Saved {
  try {
    const saved = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}') as Partial<
      Record<keyof Saved, unknown>
    >;
    const pick = <T>(choices: readonly T[], value: unknown, fallback: T): T =>
      choices.find((choice) => choice === value) ?? fallback;
    return {
      theme: pick(THEMES, saved.theme, DEFAULTS.theme),
      density: pick(DENSITIES, saved.density, DEFAULTS.density),
      baseSize: pick(BASE_SIZES, saved.baseSize, DEFAULTS.baseSize),
      singleKeys: pick([true, false], saved.singleKeys, DEFAULTS.singleKeys),
    };
  } catch {
    return DEFAULTS; // storage is blocked, or the text in it is not ours
  }
}

function save(saved: Saved): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(saved));
  } catch {
    return; // storage is blocked: the choice holds until the page is closed
  }
}

/** How the page looks to this person on this computer. */
export const useAppearance = defineStore('appearance', () => {
  const saved = load();
  const theme = ref<Theme>(saved.theme);
  const density = ref<Density>(saved.density);
  const baseSize = ref<BaseSize>(saved.baseSize);
  const singleKeys = ref(saved.singleKeys);

  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => {
    const root = document.documentElement;
    const dark = theme.value === 'dark' || (theme.value === 'system' && systemDark.matches);
    root.dataset['theme'] = dark ? 'dark' : 'light';
    root.dataset['density'] = density.value;
    root.style.setProperty('--root', `${(baseSize.value / 13) * 100}%`);
  };
  systemDark.addEventListener('change', apply);
  watch(
    [theme, density, baseSize, singleKeys],
    () => {
      apply();
      save({
        theme: theme.value,
        density: density.value,
        baseSize: baseSize.value,
        singleKeys: singleKeys.value,
      });
    },
    { flush: 'sync' },
  );
  apply();
  return { theme, density, baseSize, singleKeys };
});
