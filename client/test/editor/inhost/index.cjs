// Runs inside the extension host, where the extension's own code runs: `run` resolves where everything holds.
const fs = require('node:fs');
const path = require('node:path');
const { closeAll, root } = require('./support.cjs');

// Which tests run, by a part of their name: for a person who looks for the cause of a failure.
const WANTED = new RegExp(process.env.AIMET_GUIDELINES_INHOST ?? '');
const SUITES = ['basics', 'repairs', 'seeing', 'settings', 'files', 'notebooks'];

exports.run = async () => {
  const results = [];
  for (const suite of SUITES) {
    for (const [name, test] of Object.entries(require(`./${suite}.cjs`))) {
      if (!WANTED.test(`${suite}: ${name}`)) continue;
      const start = Date.now();
      try {
        await test();
        results.push({ name: `${suite}: ${name}`, milliseconds: Date.now() - start });
      } catch (error) {
        results.push({ name: `${suite}: ${name}`, error: error.stack });
      }
      await closeAll();
    }
  }
  fs.writeFileSync(path.join(root(), 'results.json'), JSON.stringify(results));
  if (results.some(({ error }) => error)) throw new Error('tests failed');
};
