import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { installedAimet } from '../../src/aimet';

function environment(...entries: string[]): string {
  const prefix = fs.mkdtempSync(path.join(os.tmpdir(), 'environment-'));
  for (const entry of entries) fs.mkdirSync(path.join(prefix, entry), { recursive: true });
  return prefix;
}

test('the version stands in the name of the dist-info', () => {
  const prefix = environment('lib/python3.12/site-packages/aimet_torch-2.42.0.dist-info');
  assert.equal(installedAimet(path.join(prefix, 'bin', 'python')), '2.42.0');
});

test('AIMET 1.x had another name, and local versions', () => {
  const prefix = environment('lib/python3.8/dist-packages/AimetTorch-1.31.0+torch.cpu.dist-info');
  assert.equal(installedAimet(path.join(prefix, 'bin', 'python3')), '1.31.0+torch.cpu');
});

test('on Windows Python lies in the prefix or in Scripts', () => {
  const prefix = environment('Lib/site-packages/aimet_torch-2.1.0.dist-info');
  assert.equal(installedAimet(path.join(prefix, 'python.exe')), '2.1.0');
  assert.equal(installedAimet(path.join(prefix, 'Scripts', 'python.exe')), '2.1.0');
});

test('other packages and missing folders are none', () => {
  const prefix = environment(
    'lib/python3.12/site-packages/aimet_onnx-2.42.0.dist-info',
    'lib/python3.12/site-packages/aimet_torch',
  );
  assert.equal(installedAimet(path.join(prefix, 'bin', 'python')), null);
  assert.equal(installedAimet('/nowhere/bin/python'), null);
});
