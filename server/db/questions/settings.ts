export interface SettingStore {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  /** Set only when absent; answers what is stored afterwards. */
  setDefault(key: string, value: string): Promise<string>;
}
