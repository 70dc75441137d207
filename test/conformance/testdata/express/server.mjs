// Express applications that say CORS by the package cors, each on the hosts whose first label is its name. They answer as
// the application behind corsd does; what is different is who says CORS.
//
//   node server.mjs PACKAGES SNIPPETS
//
// PACKAGES is the directory that has node_modules. SNIPPETS is a JSON file of names and JavaScript texts, which find `app`,
// `cors` and the handler `article`. The port is printed when it takes requests.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const [packages, snippets] = process.argv.slice(2)
const require = createRequire(packages + '/')
const express = require('express')
const cors = require('cors')

function article(request, response) {
  response.set({ ETag: '"v7"', 'X-Total': '120' })
  response.json({ articles: 120 })
}

function addRoutes(app) {
  app.all('/article', article)
  app.all('/catalogue', article)
  app.all('/private', (request, response) => response.status(401).set('WWW-Authenticate', 'Bearer').end())
  app.all('/broken', () => { throw new Error('broken') })
  app.all('/moved', (request, response) => response.status(302).set('Location', '/article').end())
  app.all('/careless', (request, response) => {
    response.set({ 'Access-Control-Allow-Origin': '*', 'Access-Control-Expose-Headers': 'X-Cost', 'X-Cost': '7' })
    response.json({})
  })
}

function application(snippet) {
  const app = express()
  new Function('app', 'cors', 'article', snippet)(app, cors, article)
  addRoutes(app)
  app.set('env', 'test') // no stack traces on standard error
  return app
}

const applications = Object.fromEntries(
  Object.entries(JSON.parse(readFileSync(snippets, 'utf8'))).map(([name, snippet]) => [name, application(snippet)]))

const server = createServer((request, response) => {
  const [name] = (request.headers.host ?? '').split('.')
  applications[name](request, response)
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.on('SIGTERM', () => { server.close(); server.closeAllConnections() })
