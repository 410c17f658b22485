export function bundleShell(outdir: string): Promise<unknown>;
export function bundleDesktop(): Promise<void>;
