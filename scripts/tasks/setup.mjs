// `npm run setup`: everything a fresh clone needs before anything can be built, run or tested. Cheap when done.
import { prepareNode } from '../lib/npm.mjs';
import { preparePython } from '../lib/python.mjs';

export default async function setup() {
  await preparePython();
  await prepareNode();
}
