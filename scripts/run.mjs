// Entry of every npm script: `node scripts/run.mjs TASK [ARGUMENTS]`. Needs nothing installed.
// Kept to syntax that old Nodes read, so that they can print the message below.
const floor = 20;
const major = Number(process.versions.node.split('.')[0]);

if (major < floor) {
  console.error(`Node ${floor} or newer is needed; this is ${process.version}.`);
  console.error("Install a newer one (nodejs.org, nvm, or your system's packages) and run the same command again.");
  process.exit(1);
}

const [task, ...args] = process.argv.slice(2);

Promise.all([import('./lib/process.mjs'), import(`./tasks/${task}.mjs`)])
  .then(async ([{ UserError }, { default: run }]) => {
    try {
      await run(args);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      console.error(`\n${error.message}`);
      process.exitCode = error.exitCode;
    }
  })
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
