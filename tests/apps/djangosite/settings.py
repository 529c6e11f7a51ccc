"""A Django project as small as Django allows."""

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "djangosite.urls"
INSTALLED_APPS = []
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 16
DATA_UPLOAD_MAX_MEMORY_SIZE = None
WSGI_APPLICATION = "djangosite.wsgi.application"
