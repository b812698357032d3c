// Makes a client from an OpenAPI document, compiles a program that uses it and runs that:
// node generate.mjs DOCUMENT PROGRAM FOLDER ARGUMENTS…
// Prints what the compiler and the program find, and nothing where all is well.
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const modules = process.env.NODE_PATH;
const require = createRequire(modules + '/');
const { default: generate, astToString } = await import(pathToFileURL(require.resolve('openapi-typescript').replace(/\.cjs$/, '.mjs')));

const [document, program, folder, ...args] = process.argv.slice(2);
writeFileSync(join(folder, 'schema.d.ts'), astToString(await generate(JSON.parse(readFileSync(document, 'utf8')))));
copyFileSync(program, join(folder, 'client.ts'));
symlinkSync(modules, join(folder, 'node_modules'));
writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
  compilerOptions: {
    strict: true, noUncheckedIndexedAccess: true, noEmitOnError: true, target: 'es2022', lib: ['es2022', 'dom'], module: 'esnext',
    moduleResolution: 'bundler', types: ['node'], typeRoots: ['node_modules/@types'], preserveSymlinks: true, skipLibCheck: true,
  },
  files: ['client.ts'],
}));
const run = (...command) => {
  const done = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8' });
  process.stdout.write(done.stdout + done.stderr);
  return done.status === 0;
};
if (run(join(modules, 'typescript/bin/tsc'), '--project', folder)) run(join(folder, 'client.js'), ...args);
