// A small service that lets in whoever has one of its keys, as those that hand out API keys do: several keys at once, made and
// deleted by name with the owner's token. In memory. POST /keys/<name> {"key"}, DELETE /keys/<name>, GET /keys: owner; GET /use: a key.
import { createServer } from 'node:http';

const { OWNER_TOKEN, FIRST_KEY } = process.env;
const keys = new Map([['first', FIRST_KEY]]);
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    /** @param {number} status @param {unknown} said */
    const say = (status, said) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
    const bearer = (request.headers.authorization ?? '').replace('Bearer ', '');
    if (request.url === '/use')
      return [...keys.values()].includes(bearer) ? say(200, 'welcome') : say(401, 'no such key');
    if (bearer !== OWNER_TOKEN) return say(403, 'owner only');
    const name = (request.url ?? '').replace('/keys/', '');
    if (request.method === 'POST') keys.set(name, JSON.parse(body).key);
    else if (request.method === 'DELETE') keys.delete(name);
    say(200, [...keys]);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on ${typeof address === 'object' ? address?.port : address}`);
});
