// What the editor tests do: a workbench with the package installed, and a browser that works in it as a person would.
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { Workbench } from '../../../scripts/lib/workbench.mjs';

const NAME = 'AIMET Model Guidelines';
export const SCREENSHOTS = path.resolve(import.meta.dirname, '../../../artifacts/editor');

/** A model with one finding, and its repair. */
export const MODEL = `import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return F.relu(self.conv(x))
`;
export const REPAIRED = MODEL.replace('3, 8, 3)', '3, 8, 3)\n        self.relu = nn.ReLU()').replace(
  'F.relu(',
  'self.relu(',
);

/** The text of a notebook with these code cells. */
export function notebook(...sources) {
  const cells = sources.map((source) => ({
    cell_type: 'code',
    execution_count: null,
    metadata: {},
    outputs: [],
    source,
  }));
  return JSON.stringify({ cells, metadata: { language_info: { name: 'python' } }, nbformat: 4, nbformat_minor: 5 });
}

const SETTINGS = {
  'git.enabled': false,
  'files.autoSave': 'off',
  'files.simpleDialog.enable': true,
  'editor.minimap.enabled': false,
  'editor.hover.delay': 100,
  'editor.lightbulb.enabled': 'on',
  'editor.cursorBlinking': 'solid',
  'editor.accessibilitySupport': 'off',
  'editor.wordBasedSuggestions': 'off',
  'workbench.reduceMotion': 'on',
  'workbench.colorTheme': 'Default Dark Modern',
  'notebook.stickyScroll.enabled': false,
};

export class Editor {
  /** Starts a workbench with the packaged extension and a browser. Options are those of Workbench. */
  static async start({ settings = {}, testDriver = false, ...options } = {}) {
    const workbench = new Workbench({ settings: { ...SETTINGS, ...settings }, ...options });
    const editor = new Editor();
    editor.workbench = workbench;
    workbench.install(process.env.AIMET_GUIDELINES_VSIX);
    const extensions = path.join(workbench.root, 'extensions');
    const installed = fs.readdirSync(extensions).find((name) => name.startsWith('aimet-guidelines.'));
    editor.extension = path.join(extensions, installed);
    await workbench.start({ testDriver });
    editor.context = await chromium.launchPersistentContext(path.join(workbench.root, 'chromium'), {
      executablePath: process.env.CHROMIUM,
      headless: true,
      viewport: { width: 1280, height: 800 },
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-dev-shm-usage',
      ],
    });
    editor.context.setDefaultTimeout(30_000);
    editor.page = editor.context.pages()[0];
    fs.mkdirSync(SCREENSHOTS, { recursive: true });
    return editor;
  }

  /** Replaces the user's settings, and those of the machine. */
  configure(settings, machine) {
    this.workbench.configure({ ...SETTINGS, ...settings }, machine);
  }

  /** Makes a workspace folder with the given files; its path. */
  folder(name, files) {
    const folder = path.join(this.workbench.root, name);
    for (const [file, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      fs.writeFileSync(path.join(folder, file), text);
    }
    return folder;
  }

  /** Opens a folder in the workbench, and a file of it, at a line (1-based). */
  async open(folder, file, line) {
    const address = this.workbench.address(folder, file && path.join(folder, file), line);
    await this.page.goto(address, { waitUntil: 'domcontentloaded' });
    await this.page.locator('.monaco-workbench .part.statusbar .statusbar-item').first().waitFor({ timeout: 60_000 });
    await this.page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ timeout: 60_000 });
    if (!file) return;
    await this.tab(file).waitFor();
    await this.page.locator('.monaco-editor .view-line').first().waitFor();
    // The very first window shows a notebook as text when it comes before the extension that reads notebooks.
    const isText = async () => (await this.page.locator('.notebook-editor, .notebookOverlay').count()) === 0;
    if (file.endsWith('.ipynb') && (await isText())) await this.open(folder, file, line);
  }

  /** Opens a workspace of several folders. */
  async openWorkspace(file) {
    const rows = this.page.locator('.explorer-folders-view .monaco-list-row');
    for (let attempt = 1; ; attempt += 1) {
      await this.page.goto(this.workbench.addressOfWorkspace(file), { waitUntil: 'domcontentloaded' });
      try {
        return await rows.first().waitFor({ timeout: 20_000 });
      } catch (error) {
        // The workbench now and then shows a workspace without its folders; a reload has them.
        if (attempt === 3) throw error;
      }
    }
  }

  /** Opens a folder and runs a module of tests inside the extension host. */
  async openForTests(folder, tests) {
    const address = this.workbench.addressForTests(folder, this.extension, tests);
    await this.page.exposeFunction('codeAutomationLog', () => undefined);
    await this.page.exposeFunction('codeAutomationExit', () => undefined);
    await this.page.goto(address, { waitUntil: 'domcontentloaded' });
  }

  tab(file) {
    return this.page.locator(`.tabs-container .tab[data-resource-name="${path.basename(file)}"]`);
  }

  /** The underlined places, of any severity or of one. */
  squiggles(severity) {
    const kinds = severity ? [severity] : ['error', 'warning', 'info'];
    return this.page.locator(kinds.map((kind) => `.monaco-editor .squiggly-${kind}`).join(', '));
  }

  line(text) {
    return this.page.locator('.monaco-editor .view-line', { hasText: text });
  }

  /** Runs a command by its title, as from the command palette. */
  async command(title) {
    const widget = this.page.locator('.quick-input-widget:visible');
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.page.keyboard.press('F1');
        await widget.locator('.quick-input-box input').fill(`>${title}`, { timeout: 8000 });
        const rows = ['', ','].map((end) => `.monaco-list-row[aria-label${end && '^'}="${title}${end}"]`);
        return await widget.locator(rows.join(', ')).first().click({ timeout: 8000 });
      } catch (error) {
        // A workbench that is still loading may take the focus, which closes the palette.
        if (attempt === 3) throw error;
      }
    }
  }

  /** Filters the visible quick pick by a text and takes the row that has it. */
  async pick(text) {
    const widget = this.page.locator('.quick-input-widget:visible');
    await widget.locator('.quick-input-box input').fill(text);
    await widget.locator('.monaco-list-row.focused', { hasText: text }).waitFor();
    await this.page.keyboard.press('Enter');
  }

  /** Moves the cursor to an underlined place. */
  async goTo(squiggle) {
    await squiggle.click({ force: true }); // the text lies above what underlines it
  }

  /** Opens the code actions at the cursor, when the light bulb says that there are some. */
  async codeActions() {
    const bulb = '.monaco-editor [class*="codicon-gutter-lightbulb"], .monaco-editor .lightBulbWidget';
    await this.page.locator(bulb).locator('visible=true').first().waitFor();
    await this.page.keyboard.press('Control+.');
    const menu = this.page.locator('.action-widget .monaco-list-row.action');
    await menu.first().waitFor();
    return menu;
  }

  async save() {
    await this.command('File: Save');
    await this.page.locator('.tabs-container .tab.dirty').waitFor({ state: 'detached' });
  }

  /** Opens the Problems panel; its rows, files and findings alike. */
  async problems() {
    await this.command('Problems: Focus on Problems View');
    return this.page.locator('.markers-panel .monaco-list-row');
  }

  /** Waits for the output that something asked to show; asks again by the command, as a person would. */
  async output() {
    const view = this.page.locator('.part.panel .output-view').first();
    try {
      await view.waitFor({ timeout: 8000 });
    } catch {
      // In a window that has just opened, the workbench now and then drops what an extension asks it to show.
      await this.command('AIMET: Show Logs');
      await view.waitFor();
    }
  }

  toast(text) {
    return this.page.locator('.notification-toast', { hasText: text });
  }

  screenshot(name) {
    return this.page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
  }

  /** What an output channel of the extension holds; empty where the workbench keeps no log files. */
  log(channel = NAME) {
    const logs = path.join(this.workbench.root, 'data', 'logs');
    const files = fs.readdirSync(logs, { recursive: true }).filter((name) => name.endsWith(`${channel}.log`));
    return files.map((name) => fs.readFileSync(path.join(logs, name), 'utf8')).join('\n');
  }

  async stop() {
    await this.context?.close();
    await this.workbench.stop();
    this.workbench.remove();
  }
}

/** Waits until `condition` gives something true; polls, since files and processes send no events here. */
export async function until(condition, what, milliseconds = 20_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`Waited ${milliseconds / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
