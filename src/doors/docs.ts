/** `/docs`: the OpenAPI document made from the routes' own schemas, and a page to read it, served from here. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

const prefix = '/docs'

/** To be registered before the routes that it describes. */
export async function documentRoutes(
  app: FastifyInstance,
  version: string,
  needsKey: boolean,
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'llama-vision',
        version,
        description: 'Vision models on an ordinary CPU. The engine and its model are private to the service.',
      },
      ...(needsKey && {
        components: { securitySchemes: { key: { type: 'http' as const, scheme: 'bearer' } } },
        security: [{ key: [] }],
      }),
    },
  })
  // It describes what is published anyway; who reads it need not have a key yet.
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith(prefix)) route.config = { ...route.config, open: true }
  })
  await app.register(swaggerUi, {
    routePrefix: prefix,
    // The package's own would have scripts fetched by TLS, which blanks the page, and let in what is elsewhere.
    staticCSP: {
      'default-src': "'self'",
      'img-src': "'self' data:",
      // It writes styles into its elements.
      'style-src': "'self' 'unsafe-inline'",
      'object-src': "'none'",
      'base-uri': "'none'",
      'frame-ancestors': "'none'",
    },
    uiConfig: { deepLinking: true, validatorUrl: null },
  })
}
