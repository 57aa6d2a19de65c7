import { execFileSync } from 'node:child_process';

/** The package as `npm pack` makes it, in `folder`; its file's name. */
export function packInto(folder: string): string {
  const pack = ['pack', '--json', '--silent', '--pack-destination', folder];
  const [{ filename }] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' })) as [{ filename: string }];
  return filename;
}
