/**
 * Shows the failure the shell reports (electron/startup-error.ts has the words) and offers its actions. The
 * shell leaves this page by itself when the hub answers.
 */
const desktop = window.atollDesktop;
const element = (id) => document.getElementById(id);

function say(sentence) {
  element('problem').textContent = sentence;
  element('problem').hidden = sentence === '';
}

async function choosePort() {
  const input = element('port');
  if (!input.reportValidity()) return;
  const port = input.valueAsNumber;
  if (!(await desktop.usePort(port))) say(`Port ${port} is in use, too. Choose another one.`);
}

const run = {
  restartServer: () => desktop.restartServer(),
  openDataFolder: () => desktop.openDataFolder(),
  quit: () => desktop.quit(),
  usePort: choosePort,
};

function actionButton({ action, label }, index) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = label;
  button.className = index === 0 ? 'primary' : '';
  button.addEventListener('click', async () => {
    say('');
    button.disabled = true;
    await run[action]().catch((error) => say(error.message));
    button.disabled = false;
  });
  return button;
}

async function offerPort(actions) {
  const isOffered = actions.some(({ action }) => action === 'usePort');
  element('port-choice').hidden = !isOffered;
  if (isOffered) element('port').value = String(await desktop.pickPort());
}

function show(state) {
  if (state.phase !== 'failed') return;
  const { problem } = state;
  document.title = `${problem.title} – Atoll`;
  element('title').textContent = problem.title;
  element('text').textContent = problem.text;
  element('facts').replaceChildren(
    ...problem.facts.map((fact) => {
      const item = document.createElement('li');
      item.textContent = fact;
      return item;
    }),
  );
  element('facts').hidden = problem.facts.length === 0;
  element('actions').replaceChildren(...problem.actions.map(actionButton));
  element('output').textContent = problem.output.join('\n');
  offerPort(problem.actions).catch((error) => say(error.message));
}

element('copy').addEventListener('click', () => desktop.copyText(element('output').textContent));
desktop.onServerState(show);
desktop.serverState().then(show, (error) => say(error.message));
