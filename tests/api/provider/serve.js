// npm's oidc-provider with one client, on a free port of this machine; its address is the one line it prints.
//
//     node serve.js '{"client_id": …, "client_secret": …, "redirect_uris": […]}'
//
// People log in and agree on the pages that it brings for development. It ends when nobody holds its input open.

import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(address, {
    clients: [JSON.parse(process.argv[2])],
    cookies: { keys: ['for a test alone'] },
    pkce: { required: () => true },
  })
  server.on('request', provider.callback())
  console.log(address)
})
process.stdin.on('end', () => process.exit()).resume()
