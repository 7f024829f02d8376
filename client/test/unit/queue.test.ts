import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { RestartQueue } from '../../src/queue';

function controlled() {
  const runs: { finish: () => void; fail: (error: Error) => void }[] = [];
  const queue = new RestartQueue(() => new Promise((finish, fail) => runs.push({ finish, fail })));
  return { runs, queue };
}

test('a first request runs at once', async () => {
  const { runs, queue } = controlled();
  const done = queue.request();
  assert.equal(runs.length, 1);
  runs[0]?.finish();
  await done;
});

test('requests during a run become one further run', async () => {
  const { runs, queue } = controlled();
  const first = queue.request();
  const later = [queue.request(), queue.request(), queue.request()];
  assert.equal(runs.length, 1);
  runs[0]?.finish();
  await first;
  await setImmediate();
  assert.equal(runs.length, 2);
  runs[1]?.finish();
  await Promise.all(later);
  assert.equal(runs.length, 2);
});

test('a request during the further run gets a run of its own', async () => {
  const { runs, queue } = controlled();
  void queue.request();
  void queue.request();
  runs[0]?.finish();
  await setImmediate();
  const third = queue.request();
  runs[1]?.finish();
  await setImmediate();
  assert.equal(runs.length, 3);
  runs[2]?.finish();
  await third;
});

test('a failed run does not stop the queue', async () => {
  const { runs, queue } = controlled();
  const first = queue.request();
  const second = queue.request();
  runs[0]?.fail(new Error('no'));
  await assert.rejects(first, /no/);
  await setImmediate();
  assert.equal(runs.length, 2);
  runs[1]?.finish();
  await second;
});
