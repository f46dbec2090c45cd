// What a person's browser does, without a script of the page: redirects, cookies by path, the first form that is posted.
import { createServer } from 'node:http';

const unescaped = (text) => text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(code))
  .replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
const attribute = (tag, name) => { const found = new RegExp(`\\b${name}="([^"]*)"`).exec(tag); return found && unescaped(found[1]); };

export class Browser {
  #cookies = [];

  async #ask(url, options = {}) {
    const sent = this.#cookies.filter((one) => one.host === url.host && url.pathname.startsWith(one.path));
    const headers = { ...options.headers, ...(sent.length ? { cookie: sent.map((one) => `${one.name}=${one.value}`).join('; ') } : {}) };
    const answer = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) this.#keep(url, line);
    return answer;
  }

  #keep(url, line) {
    const [pair, ...attributes] = line.split(';').map((part) => part.trim());
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? '/';
    const over = attributes.some((one) => /^max-age=0$/i.test(one));
    this.#cookies = this.#cookies.filter((one) => one.name !== name || one.path !== path || one.host !== url.host);
    if (!over) this.#cookies.push({ host: url.host, path, name, value });
  }

  // Go to an address and on from there, posting the first form of every page with these fields, until the browser is sent to `end`.
  async until(end, url, fields = {}) {
    let [here, answer] = [new URL(url), await this.#ask(new URL(url))];
    for (let steps = 0; steps < 20; steps += 1) {
      const location = answer.headers.get('location');
      if (location !== null) {
        here = new URL(location, here);
        if (here.href.startsWith(end)) return here;
        answer = await this.#ask(here);
        continue;
      }
      const page = await answer.text();
      const form = /<form\b[^>]*method="post"[^>]*>[\s\S]*?<\/form>/.exec(page);
      if (!form) throw new Error(`${answer.status} of ${here.origin}${here.pathname} has no form: ${page.slice(0, 500)}`);
      here = new URL(attribute(form[0], 'action') ?? here.href, here);
      const id = attribute(form[0], 'id');
      const outside = id === null ? [] : [...page.matchAll(/<button\b[^>]*>/g)].map(([tag]) => tag).filter((tag) => attribute(tag, 'form') === id);
      answer = await this.#ask(here, { method: 'POST', body: filled(form[0] + outside.join(''), fields) });
    }
    throw new Error(`the browser was never sent to ${end}`);
  }
}

function filled(form, fields) {
  const body = new URLSearchParams();
  for (const [input] of form.matchAll(/<input\b[^>]*>/g)) {
    const [name, type] = [attribute(input, 'name'), attribute(input, 'type')];
    if (name && name in fields) body.set(name, fields[name]);
    else if (name && type === 'hidden') body.set(name, attribute(input, 'value') ?? '');
  }
  const button = [...form.matchAll(/<button\b[^>]*>/g)].map(([tag]) => tag).find((tag) => attribute(tag, 'name'));
  if (button) body.set(attribute(button, 'name'), attribute(button, 'value') ?? '');
  return body;
}

// A server that keeps the forms it is posted, for `next` to wait for.
export async function receiver(port, status = 200) {
  const [posted, waiting] = [[], []];
  const server = createServer((request, answer) => {
    const parts = [];
    request.on('data', (part) => parts.push(part)).on('end', () => {
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()));
      answer.writeHead(status).end();
      const wait = waiting.shift();
      if (wait) wait(form); else posted.push(form);
    });
  });
  await new Promise((done) => { server.listen(port, '127.0.0.1', done); });
  return {
    next: (milliseconds) => posted.length ? Promise.resolve(posted.shift()) : new Promise((resolve, reject) => {
      waiting.push(resolve);
      setTimeout(() => reject(new Error(`nothing was posted within ${milliseconds} ms`)), milliseconds).unref();
    }),
    close: () => server.close(),
  };
}
